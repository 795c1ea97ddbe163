/** What an editor knows and complains about in Express. Compiled, never run. */
import type { CacheControlDirectives, HandlerDirectives } from "@diskcache/express";
import { cacheControl, diskCache, never, varyOn } from "@diskcache/express";
import express from "express";
import type { Request, Response } from "express";
import { expectTypeOf } from "vitest";

const cache = diskCache({ dir: "cache", ttl: "5m" });
const app = express();
app.use(cache);

// What a handler may say is on the request, by augmentation.
app.get("/", (req, res) => {
  expectTypeOf(req.diskCache).toEqualTypeOf<HandlerDirectives>();
  req.diskCache.ttl("1m").tag("a").vary("accept").partition("staff");
  // @ts-expect-error -- a lifetime is a duration
  req.diskCache.ttl(true);
  res.end();
});

// A policy may say which parameters its route has.
app.get(
  "/reports/:id",
  cache.route({ ttl: "1h", tags: (req: Request<{ id: string }>) => [req.params.id] }),
  (_req, res) => void res.end(),
);
cache.route({ tags: (req) => [req.path] });
// @ts-expect-error -- without that, a parameter may be missing, or several
cache.route({ tags: (req) => [req.params["id"]] });
app.get(
  "/:id",
  cache.cached("5m", (req, res) => void res.send(req.path)),
);
app.get(
  "/:id",
  cache.cached({ tags: (req: Request<{ id: string }>) => [req.params.id] }, (_req, res) => void res.end()),
);
app.get("/account", never(), cache.cacheControl({ noStore: true }), varyOn("accept"), (_req, res) => void res.end());
app.post(
  "/:id",
  cache.purges(async (req) => [{ tag: String(req.params["id"]) }, "/", { prefix: "/list" }]),
  (_req, res) => void res.end(),
);

// The parameters of a path reach its handlers past whatever of the cache stands before or around them.
app.get("/reports/:id", cache, cache.route("1h"), never(), varyOn("accept"), (req) => {
  expectTypeOf(req.params).toEqualTypeOf<{ id: string }>();
});
app.get("/reports/:id", cache.route({ ttl: "1h", tags: (req) => [req.path] }), (req) => {
  expectTypeOf(req.params).toEqualTypeOf<{ id: string }>();
});
app.post(
  "/reports/:id",
  cache.purges("/reports"),
  cache.purges((req) => req.path),
  (req) => {
    expectTypeOf(req.params).toEqualTypeOf<{ id: string }>();
  },
);
app.get(
  "/reports/:id",
  cache.cached("1h", (req, res) => {
    expectTypeOf(req.params).toEqualTypeOf<{ id: string }>();
    res.send(req.params.id);
  }),
);
app.get(
  "/reports/:id",
  cache.cached({ ttl: "1h", tags: (req: Request<{ id: string }>) => [req.params.id] }, (_req, _res, next) => next()),
  (req) => expectTypeOf(req.params).toEqualTypeOf<{ id: string }>(),
);
express
  .Router()
  .route("/reports/:id")
  .get(cache.route("1h"), (req) => expectTypeOf(req.params).toEqualTypeOf<{ id: string }>());
// Where the path does not say it, a policy may.
app.get(/^\/reports\/(?<id>\d+)$/, cache.route({ tags: (req: Request<{ id: string }>) => [req.params.id] }), (req) => {
  expectTypeOf(req.params).toEqualTypeOf<{ id: string }>();
});
// Outside of a route, a parameter may be missing, or several.
cache.cached("1h", (req) => {
  expectTypeOf(req.params).toEqualTypeOf<Request["params"]>();
});

// @ts-expect-error -- no such option
cache.route({ tll: "5m" });
// @ts-expect-error -- a lifetime is a duration
cache.route({ ttl: true });
// @ts-expect-error -- an option of the whole cache
cache.route({ memory: "1mb" });
// @ts-expect-error -- tags are a list
cache.route({ tags: "a" });
// @ts-expect-error -- a partition is a text
cache.route({ partition: () => 7 });
// @ts-expect-error -- a partition is known at once
cache.route({ partition: async () => "a" });
// @ts-expect-error -- there is no store without a directory
diskCache({ ttl: "5m" });
// @ts-expect-error -- a rule is for a path
diskCache({ dir: "cache", rules: [{ ttl: "5m" }] });
// @ts-expect-error -- no such directive
cacheControl({ maxage: "5m" });
// @ts-expect-error -- a flag is no text
cacheControl({ public: "yes" });
// @ts-expect-error -- what is purged is named by one thing
cache.purges({ tagg: "a" });

diskCache({
  dir: "cache",
  rules: [
    { path: ["/a", "/b/**"], never: true },
    { path: "/c", skip: (req) => req.ip === "" },
  ],
});
expectTypeOf(cacheControl).parameter(0).toEqualTypeOf<CacheControlDirectives>();

// A memoized function has the arguments of its own, and a promise of its result.
const load = cache.memoize((id: string, deep: boolean) => ({ id, deep }), { name: "load", tags: (id) => [id] });
expectTypeOf(load).parameters.toEqualTypeOf<[id: string, deep: boolean]>();
expectTypeOf(load("7", true)).resolves.toHaveProperty("id");
// @ts-expect-error -- the arguments are those of the function
void load(7, true);
// @ts-expect-error -- and so are those of its options
cache.memoize((id: string) => id, { key: (id: number) => id });

export class Articles {
  readonly title = "Hello";

  @cache.cached("5m")
  list(_req: Request, res: Response): void {
    res.send(this.title);
  }

  @cache.cached({ ttl: "1h", tags: (req) => [req.path] })
  @cache.cacheControl({ public: true, maxAge: "1m" })
  @cache.varyOn("accept-language")
  async show(req: Request<{ id: string }>, res: Response<{ id: string }>): Promise<void> {
    res.json({ id: req.params.id });
  }

  @cache.purges((req) => ({ tag: String(req.params["id"]) }))
  save(req: Request<{ id: string }, unknown, { title: string }>, res: Response): void {
    res.redirect(req.body.title);
  }

  @cache.never()
  edit(_req: Request, res: Response): void {
    res.end();
  }

  // @ts-expect-error -- not a handler
  @cache.cached("5m")
  sum(a: number, b: number): number {
    return a + b;
  }
}
expectTypeOf<Articles["show"]>().parameter(0).toEqualTypeOf<Request<{ id: string }>>();
