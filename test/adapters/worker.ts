/** One worker of a site, in a process of its own: what `worker-process.ts` starts and kills. */
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { diskCache } from "@diskcache/http";
import { pageAt } from "./self-describing.js";

/** Sends its origin to the parent, then answers what it is asked: `settle` when all is on disk, `purge` when a purge is
 * recorded. */
export async function main(dir: string): Promise<void> {
  const cache = diskCache({ dir, ttl: "1h" });
  const server = createServer(
    cache((req, res) => void res.setHeader("X-Worker", String(process.pid)).end(pageAt(req.url!))),
  );
  server.listen(0, "127.0.0.1", () =>
    process.send!({ origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}` }),
  );
  const obey = async ({ settle, purge }: { readonly settle?: true; readonly purge?: string }): Promise<void> => {
    if (settle) while ((await cache.stats()).pendingWrites > 0) await new Promise(setImmediate);
    if (purge !== undefined) await cache.purge(purge);
    process.send!({ done: true });
  };
  process.on("message", (message: object) => void obey(message));
  process.on("disconnect", () => process.exit());
}
