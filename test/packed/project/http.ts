import { createServer } from "node:http";
import { diskCache } from "@diskcache/http";
import { expectCached } from "./expect-cached.js";

const cache = diskCache({ dir: "pages-http", ttl: "5m" });
const server = createServer(cache((req, res) => void res.end(`<h1>Report ${req.url}</h1>`)));

await expectCached(server.listen(0), "/reports/7");
await cache.purge("/reports/7");
await cache.close();
