/** A process that purges a page in a directory that is shared between machines, and has no way to the engine: it says
 * when the purge is recorded in the directory, and waits to be killed. */
import { createServer } from "node:http";
import { diskCache } from "@diskcache/http";

export function main(dir: string): void {
  const cache = diskCache({ dir, ttl: "1h", audit: false });
  createServer(cache((_req, res) => void res.end())).listen(0, "127.0.0.1", () => {
    void cache.purgeTag("report:7").then(() => process.send!("recorded"));
  });
}
