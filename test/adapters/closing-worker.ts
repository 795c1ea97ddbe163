/** A site in a process of its own that closes as it is told to, and exits as soon as the cache is closed. */
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { Readable } from "node:stream";
import { ADAPTERS } from "./adapters.js";
import { pageAt } from "./self-describing.js";

const FIELDS: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  vary: { Vary: "Accept-Language" },
  query: { "No-Vary-Search": 'params=("x")' },
};

/** Pages are `/<number>/<bytes>/<kind>`; those of kind `never` are never answered. */
export async function main(dir: string, adapterName: string, order: string): Promise<void> {
  const adapter = ADAPTERS.find(({ name }) => name === adapterName)!;
  const { cache, listen } = adapter.create({ dir, ttl: "1h" });
  const listener = listen({
    handler: async ({ req }) => {
      const [, , , kind = ""] = req.url!.split("/");
      if (kind === "never") return new Promise(() => {});
      await new Promise(setImmediate);
      const body = pageAt(req.url!);
      return { headers: FIELDS[kind] ?? {}, body: kind === "pieces" ? Readable.from([body]) : body };
    },
  });
  const server = createServer(listener).listen(0, "127.0.0.1", () =>
    process.send!({ origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}` }),
  );
  const exit = (): never => process.exit();
  process.on("SIGTERM", () => {
    if (order === "server first") server.close(() => void cache.close().then(exit));
    else {
      if (order === "both at once") server.close();
      void cache.close().then(exit);
    }
  });
}
