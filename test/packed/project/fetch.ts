import { createServer } from "node:http";
import { diskCache } from "@diskcache/fetch";
import { diskCache as astroProvider, provider } from "@diskcache/fetch/astro";
import { diskCache as honoCache } from "@diskcache/fetch/hono";
import { expectCached } from "./expect-cached.js";

const cache = diskCache({ dir: "pages-fetch", ttl: "5m" });
const fetch = cache(async (request) => {
  request.diskCache.tag("reports");
  return new Response(`<h1>Report ${new URL(request.url).pathname}</h1>`);
});
const server = createServer((req, res) => {
  void fetch(new Request(`http://${req.headers.host}${req.url}`)).then(async (response) => {
    res.writeHead(response.status, Object.fromEntries(response.headers)).end(await response.text());
  });
});

await expectCached(server.listen(0), "/reports/7");
await cache.purgeTag("reports");
await cache.close();

// The entries for frameworks, which need none of them installed to be loaded.
await honoCache({ dir: "pages-hono" }).close();
await provider(astroProvider({ dir: "pages-astro" }).config as { dir: string }).cache.close();
