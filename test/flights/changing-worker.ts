/** One worker of a site in a process of its own, whose page and clock the test changes: what
 * `changing-processes.test.ts` starts. */
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { diskCache, isRefresh } from "@diskcache/http";
import { ManualClock } from "../support/manual-clock.js";

/** What the parent says. */
export interface Told {
  /** From now on the handler answers this. */
  readonly page?: { readonly status?: number; readonly fields?: Record<string, string>; readonly body: string };
  /** From now on a wall before the cache refuses requests of the cache's own. */
  readonly refuse?: true;
  readonly seconds?: number;
  /** Until this many refreshes were refused, or answers not stored. */
  readonly refused?: number;
  readonly notStored?: number;
}

/** Sends its origin to the parent, then obeys and says so. */
export async function main(dir: string, startsAt: string): Promise<void> {
  const clock = new ManualClock(startsAt);
  const options = { dir, clock, ttl: 10, staleWhileRevalidate: "1h", http: { honourRequest: true } } as const;
  const cache = diskCache({ ...options, flight: { timeout: "1m" } });
  let page: NonNullable<Told["page"]> = { body: "page" };
  let refuses = false;
  const inside = cache((_, res) => {
    res.writeHead(page.status ?? 200, { "Content-Type": "text/plain", ...page.fields }).end(page.body);
  });
  const server = createServer((req, res) => {
    if (refuses && isRefresh(req)) res.writeHead(401).end();
    else inside(req, res);
  });
  server.listen(0, "127.0.0.1", () =>
    process.send!({ origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}` }),
  );
  const counted = async (name: "refusedRefreshes" | "notStored", least = 0): Promise<void> => {
    while ((await cache.stats())[name] < least) await new Promise(setImmediate);
  };
  const obey = async (told: Told): Promise<void> => {
    page = told.page ?? page;
    refuses ||= told.refuse === true;
    clock.advance(told.seconds ?? 0);
    await counted("refusedRefreshes", told.refused);
    await counted("notStored", told.notStored);
    while ((await cache.stats()).pendingWrites > 0) await new Promise(setImmediate);
    process.send!({ done: true });
  };
  process.on("message", (told: Told) => void obey(told));
  process.on("disconnect", () => process.exit());
}
