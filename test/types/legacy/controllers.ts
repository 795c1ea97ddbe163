/** The decorators under `experimentalDecorators`, TypeScript's older kind. Compiled, never run. */
import * as forExpress from "@diskcache/express";
import * as forKoa from "@diskcache/koa";
import type { Request, Response } from "express";
import type { Context } from "koa";

const cache = forExpress.diskCache({ dir: "cache" });
const koaCache = forKoa.diskCache({ dir: "cache" });

export class Articles {
  @cache.cached({ ttl: "1h", tags: (req) => [req.path] })
  @cache.cacheControl({ public: true, maxAge: "1m" })
  show(req: Request<{ id: string }>, res: Response): void {
    res.send(req.params.id);
  }

  @cache.purges((req) => ({ url: req.path }))
  save(_req: Request, res: Response): void {
    res.end();
  }

  @forExpress.never()
  edit(_req: Request, res: Response): void {
    res.end();
  }

  // @ts-expect-error -- no such option
  @cache.cached({ tll: "1h" })
  list(_req: Request, res: Response): void {
    res.end();
  }

  @koaCache.cached("5m")
  @koaCache.never()
  @forKoa.varyOn("accept")
  @koaCache.purges((ctx) => ({ url: ctx.path }))
  page(ctx: Context): void {
    ctx.body = "";
  }
}
