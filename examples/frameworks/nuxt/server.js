import { createServer } from "node:http";
import { diskCache } from "@diskcache/http";
import { listener } from "./.output/server/index.mjs";

const cache = diskCache({ dir: ".cache/pages", ttl: "5m", audit: process.env.AUDIT });

createServer(cache(listener)).listen(Number(process.env.PORT ?? 3000));
