/** Views of a context through which a handler reads the request, and which note the names of what it reads. */
import type { Reads } from "@diskcache/core";
import { watchProperty, watchRequest } from "@diskcache/http";
import type { Context } from "koa";

/** What common routers set on the context. */
interface Routed {
  readonly _matchedRoute?: string | RegExp;
  readonly routerPath?: string;
}

export function watchContext(ctx: Context, reads: Reads): void {
  watchRequest(ctx.req, reads);
  if (reads.watchesQuery) watchProperty(ctx.request, "query", (parameter) => reads.parameter(parameter));
  watchCookies(ctx, reads);
  reads.route = () => {
    const { _matchedRoute: matched, routerPath } = ctx as Routed;
    return matched === undefined ? routerPath : String(matched);
  };
}

// Koa makes the object on first access, and so does this.
function watchCookies(ctx: Context, reads: Reads): void {
  const inherited = Object.getPrototypeOf(ctx) as object;
  let view: Context["cookies"] | undefined;
  Object.defineProperty(ctx, "cookies", {
    get: () => (view ??= recording(Reflect.get(inherited, "cookies", ctx) as Context["cookies"], reads)),
    set(given: Context["cookies"]) {
      view = recording(given, reads);
    },
    configurable: true,
    enumerable: true,
  });
}

function recording(cookies: Context["cookies"], reads: Reads): Context["cookies"] {
  return new Proxy(cookies, {
    get: (jar, name) => {
      const value: unknown = Reflect.get(jar, name, jar);
      if (typeof value !== "function") return value;
      return (...given: unknown[]): unknown => {
        if (name === "get") reads.cookie(String(given[0]));
        return Reflect.apply(value, jar, given);
      };
    },
  });
}
