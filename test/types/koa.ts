/** What an editor knows and complains about in Koa. Compiled, never run. */
import type { HandlerDirectives } from "@diskcache/koa";
import { cacheControl, diskCache, never, varyOn } from "@diskcache/koa";
import Koa from "koa";
import type { Context, Next } from "koa";
import { expectTypeOf } from "vitest";

const cache = diskCache({ dir: "cache", ttl: "5m", partition: (ctx) => ctx.get("x-tenant") });
const app = new Koa();
app.use(cache);
app.use(cache.route({ ttl: "1h", tags: (ctx) => [ctx.path], skip: (ctx) => ctx.query["preview"] !== undefined }));
app
  .use(never())
  .use(cache.cacheControl({ maxAge: 60 }))
  .use(varyOn("accept"));
app.use(cache.purges((ctx) => ({ url: ctx.path })));
app.use(
  cache.cached("5m", (ctx: Context) => {
    expectTypeOf(ctx.diskCache).toEqualTypeOf<HandlerDirectives>();
    ctx.diskCache.skip("preview");
  }),
);

// @ts-expect-error -- no such option
cache.route({ tll: "5m" });
// @ts-expect-error -- a context is no request of Express
cache.route({ tags: (ctx) => [ctx.originalRequest.path.missing()] as const, ttl: true });
// @ts-expect-error -- no such directive
cacheControl({ maxage: "5m" });

export class Articles {
  readonly title = "Hello";

  @cache.cached({ ttl: "1h", tags: (ctx) => [ctx.path] })
  @cache.varyOn("accept-language")
  list(ctx: Context): void {
    ctx.body = this.title;
  }

  @cache.purges((ctx) => [{ tag: ctx.path }])
  async save(ctx: Context, next: Next): Promise<void> {
    await next();
    ctx.redirect("/");
  }

  @cache.never()
  edit(ctx: Context): void {
    ctx.body = "";
  }
}
expectTypeOf<Articles["save"]>().parameter(0).toEqualTypeOf<Context>();
