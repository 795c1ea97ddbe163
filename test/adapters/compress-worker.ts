/** One worker of a site that keeps its pages compressed, in a process of its own: what `compress-shared.test.ts` starts. */
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { diskCache } from "@diskcache/http";
import { pageAt } from "./self-describing.js";

/** Sends its origin to the parent, then its counters whenever it is asked for them. */
export async function main(dir: string): Promise<void> {
  const cache = diskCache({ dir, ttl: "1h", compress: ["br"] });
  const server = createServer(
    cache((req, res) => void res.setHeader("Content-Type", "text/plain").end(pageAt(req.url!))),
  );
  server.listen(0, "127.0.0.1", () =>
    process.send!({ origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}` }),
  );
  process.on("message", () => void cache.stats().then((stats) => process.send!(stats)));
  process.on("disconnect", () => process.exit());
}
