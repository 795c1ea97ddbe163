import { diskCache } from "@diskcache/koa";
import Koa from "koa";
import { expectCached } from "./expect-cached.js";

const cache = diskCache({ dir: "pages-koa", ttl: "5m" });
const app = new Koa();
app.use(cache);
app.use((ctx) => {
  ctx.diskCache?.tag("reports");
  ctx.body = `<h1>Report ${ctx.path}</h1>`;
});

await expectCached(app.listen(0), "/reports/7");
await cache.purgeTag("reports");
await cache.close();
