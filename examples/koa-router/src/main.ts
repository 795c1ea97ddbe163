import type { AddressInfo } from "node:net";
import { diskCache } from "@diskcache/koa";
import Router from "@koa/router";
import Koa from "koa";

const app = new Koa();
const cache = diskCache({ dir: ".cache/pages" });
const router = new Router();

// Without a policy of its own a route stores only what says itself for how long.
router.get("/", (ctx) => {
  ctx.body = page("Not cached");
});
router.get("/reports/:id", cache.route({ ttl: "1h" }), (ctx) => {
  ctx.diskCache.tag(`report:${ctx.params["id"]}`);
  ctx.body = page(`Report ${ctx.params["id"]}`);
});
router.post("/reports/:id", async (ctx) => {
  await cache.purgeTag(`report:${ctx.params["id"]}`);
  ctx.status = 204;
});

app.use(cache).use(router.routes());

let renders = 0;
function page(title: string): string {
  return `<h1>${title}</h1><small>rendered ${new Date().toISOString()} in turn ${++renders}</small>`;
}

const server = app.listen(Number(process.env["PORT"] ?? 3000), () => {
  console.log(`http://localhost:${(server.address() as AddressInfo).port}`);
});
