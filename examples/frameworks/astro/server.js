import { createServer } from "node:http";
import { diskCache } from "@diskcache/http";
import { handler } from "./dist/server/entry.mjs";

const cache = diskCache({ dir: ".cache/pages", ttl: "5m", audit: process.env.AUDIT });

createServer(cache(handler)).listen(Number(process.env.PORT ?? 3000));
