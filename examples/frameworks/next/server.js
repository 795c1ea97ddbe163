import { createServer } from "node:http";
import { diskCache } from "@diskcache/http";
import next from "next";

const cache = diskCache({ dir: ".cache/pages", audit: process.env.AUDIT });
const app = next({ dev: false, dir: import.meta.dirname });
await app.prepare();

createServer(cache(app.getRequestHandler())).listen(Number(process.env.PORT ?? 3000));
