import { diskCache } from "@diskcache/express";
import express from "express";
import { expectCached } from "./expect-cached.js";

const cache = diskCache({ dir: "pages-express", ttl: "5m" });
const app = express();
app.use(cache);
app.get(
  "/reports/:id",
  cache.route({ ttl: "1h", tags: (req) => [`report:${String(req.params["id"])}`] }),
  (req, res) => {
    req.diskCache?.tag("reports");
    res.send(`<h1>Report ${req.path}</h1>`);
  },
);

await expectCached(app.listen(0), "/reports/7");
await cache.purgeTag("report:7");
await cache.close();
