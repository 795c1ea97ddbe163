/** Asks a server for a page twice, and fails unless the second answer is the first one, from the cache. */
import { deepEqual, match } from "node:assert/strict";
import { once } from "node:events";
import type { Server } from "node:http";
import type { AddressInfo } from "node:net";

export async function expectCached(server: Server, path: string): Promise<void> {
  if (!server.listening) await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  const ask = async () => {
    const response = await fetch(`http://127.0.0.1:${port}${path}`);
    return {
      status: response.status,
      body: await response.text(),
      cacheStatus: response.headers.get("cache-status") ?? "",
    };
  };
  const [miss, hit] = [await ask(), await ask()];
  match(miss.cacheStatus, /^diskcache;.*\bfwd=/);
  match(hit.cacheStatus, /^diskcache;.*\bhit\b/);
  deepEqual({ ...hit, cacheStatus: "" }, { ...miss, cacheStatus: "" });
  server.closeAllConnections();
  server.close();
}
