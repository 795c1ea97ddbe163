/** What an editor knows and complains about in web Requests and Hono. Compiled, never run. */
import { cacheControl, diskCache, never, varyOn } from "@diskcache/fetch";
import type { HandlerDirectives } from "@diskcache/fetch";
import { provider } from "@diskcache/fetch/astro";
import { diskCache as honoCache } from "@diskcache/fetch/hono";
import { Hono } from "hono";
import { expectTypeOf } from "vitest";

const cache = diskCache({ dir: "cache", ttl: "5m", partition: (request) => request.headers.get("x-tenant") ?? "" });
const fetch = cache(async (request, env: { readonly name: string }) => {
  expectTypeOf(request.diskCache).toEqualTypeOf<HandlerDirectives>();
  return new Response(env.name);
});
expectTypeOf(fetch).parameters.toEqualTypeOf<[request: Request, env: { readonly name: string }]>();
cache(async (request: Request) => new Response(request.url));
cache(new Hono().fetch);
cache.route({ ttl: "1h", tags: (request) => [request.url] })(never()(async () => new Response("")));
cacheControl({ maxAge: 60 })(varyOn("accept")(async () => new Response("")));

// @ts-expect-error -- no such option
cache.route({ tll: "5m" });
// @ts-expect-error -- no Response
cache(async () => "page");

export class Articles {
  @cache.cached({ ttl: "1h" })
  async list(request: Request): Promise<Response> {
    return new Response(request.url);
  }

  @cache.purges((request) => [{ tag: request.url }])
  async save(): Promise<Response> {
    return new Response(null, { status: 204 });
  }
}

const app = new Hono<{ Variables: { user: string } }>();
const hono = honoCache({ dir: "cache", ttl: "5m", tags: (c) => [c.req.path] });
app.use(hono);
app.get("/:id", hono.route("1h"), hono.never(), hono.varyOn("accept"), (c) => {
  expectTypeOf(c.get("diskCache")).toEqualTypeOf<HandlerDirectives>();
  expectTypeOf(c.req.param("id")).toEqualTypeOf<string>();
  return c.text(c.get("user"));
});
app.post(
  "/",
  hono.purges((c) => `/${c.req.path}`),
  (c) => c.text(""),
);
provider({ dir: "cache" }).cache.on("error", ({ code }) => expectTypeOf(code).not.toBeAny());
