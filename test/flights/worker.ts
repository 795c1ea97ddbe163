/** One worker of a site in a process of its own, whose handler the test holds: what `processes.test.ts` starts and kills. */
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { diskCache } from "@diskcache/http";

/** Tells the parent its origin, and every call of its handler; the handler answers when it is told to. */
export async function main(dir: string): Promise<void> {
  // Nobody's patience is to end in the place of what a test waits for.
  const cache = diskCache({ dir, ttl: "1h", flight: { timeout: "1m" } });
  const waiting: (() => void)[] = [];
  const handler = cache((req, res) => {
    process.send!({ rendering: req.url });
    waiting.push(() => {
      if (req.url!.startsWith("/private")) res.setHeader("Cache-Control", "no-store");
      res.end(`${req.url} by ${process.pid}`);
    });
  });
  const server = createServer((req, res) => {
    process.send!({ arrived: req.url });
    handler(req, res);
  });
  server.listen(0, "127.0.0.1", () =>
    process.send!({ origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}` }),
  );
  process.on("message", () => {
    for (const answer of waiting.splice(0)) answer();
  });
  process.on("disconnect", () => process.exit());
}
