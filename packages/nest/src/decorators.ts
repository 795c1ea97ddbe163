/**
 * What controllers say about their responses. Each only notes it as metadata of the method or the class, as Nest's own
 * decorators do, so their order does not matter and the arguments of the method are its own.
 */
import type { CachePolicy, Duration, Purges as PurgesOf } from "@diskcache/express";
import { SetMetadata } from "@nestjs/common";
import type { Request } from "express";

const CACHED = "diskcache:cached";
const NEVER = "diskcache:never";
const PURGES = "diskcache:purges";

/** Nest's `CustomDecorator`: of a method or of a controller. */
export type RouteDecorator = MethodDecorator & ClassDecorator;

/**
 * The policy of a route, or of all routes of a controller; that of a method is laid over that of its controller, and
 * both over the options of the module. A wrong one is refused when the application starts.
 * @example
 * ```ts
 * @Get(":id")
 * @Cached({ ttl: "1h", tags: (req) => [`report:${req.params.id}`] })
 * show(@Param("id") id: string) { … }
 * ```
 */
export function Cached(policy: CachePolicy<Request> | Duration): RouteDecorator {
  return SetMetadata(CACHED, policy);
}

/** Keeps the responses of a route, or of a controller, out of every cache: this one, browsers and proxies. */
export function NeverCached(): RouteDecorator {
  return SetMetadata(NEVER, true);
}

/**
 * Purges what a request makes out of date, once its response is a success (2xx, 3xx) and before anything of it is sent.
 * @example
 * ```ts
 * @Post(":id")
 * @Purges((req) => [{ tag: `report:${req.params.id}` }, "/reports"])
 * save(@Param("id") id: string, @Body() report: Report) { … }
 * ```
 */
export function Purges(purges: PurgesOf<Request>): RouteDecorator {
  return SetMetadata(PURGES, purges);
}

/** What the decorators of a method and of its controller say. */
export interface Said {
  readonly never: boolean;
  /** The outermost first. */
  readonly policies: readonly (CachePolicy<Request> | Duration)[];
  readonly purges: readonly PurgesOf<Request>[];
}

export function saidOf(controller: object, method: object): Said {
  const both = (key: string): unknown[] =>
    [controller, method].map((target) => metadata(key, target)).filter((value) => value !== undefined);
  return {
    never: both(NEVER).length > 0,
    policies: both(CACHED) as (CachePolicy<Request> | Duration)[],
    purges: both(PURGES) as PurgesOf<Request>[],
  };
}

/** Whether Nest sends events from the method, which are no page. */
export function isEventStream(method: object): boolean {
  return metadata("__sse__", method) !== undefined;
}

// Of reflect-metadata, which Nest has loaded.
function metadata(key: string, target: object): unknown {
  return (Reflect as unknown as { getMetadata(key: string, target: object): unknown }).getMetadata(key, target);
}
