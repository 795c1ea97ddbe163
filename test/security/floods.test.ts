/** Floods: whatever is sent, bytes, files, memory and those who wait stay within their bounds, and the page that
 * everybody wants stays a hit. `DISKCACHE_FLOOD=100000` makes them long. */
import { statSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { EXPRESS_5, KOA_3, NODE_HTTP } from "../adapters/adapters.js";
import type { Handler } from "../adapters/adapters.js";
import { openSite } from "../adapters/site.js";
import type { Site } from "../adapters/site.js";
import { barrier } from "../support/barrier.js";
import { entryFiles } from "../support/entry-files.js";
import { written } from "./crafted.js";

const REQUESTS = Number(process.env["DISKCACHE_FLOOD"] ?? 400);
const AT_A_TIME = 8;
/** As many as the bounds below leave room for. */
const MOST_FILES = 100;
const MOST_BYTES = 4 * 1024 * 1024;
/** What writers that do not know of each other yet may be over it. */
const SLACK = 1.1;

const byAgent: Handler = ({ req }) => ({
  headers: { "Content-Type": "text/plain", Vary: "User-Agent" },
  body: `page for ${String(req.headers["user-agent"])}`,
});

const FLOODS: readonly { readonly flood: string; readonly handler?: Handler; readonly ask: Ask }[] = [
  { flood: "random queries", ask: (n) => [`/?q=${n}`, {}] },
  { flood: "random paths", ask: (n) => [`/${n}`, {}] },
  { flood: "random hosts", ask: (n) => ["/", { host: `h${n}.example` }] },
  { flood: "random X-Forwarded-Host", ask: (n) => ["/", { "x-forwarded-host": `h${n}.example` }] },
  { flood: "random User-Agents", handler: byAgent, ask: (n) => ["/", { "user-agent": `agent ${n}` }] },
];

type Ask = (n: number) => readonly [target: string, headers: Record<string, string>];

/** What a cache does that bounds nothing. */
describe("a naive cache", () => {
  it.each(FLOODS)("grows with every one of $flood", ({ ask }) => {
    const kept = new Map<string, string>();
    for (let n = 0; n < REQUESTS; n++) kept.set(JSON.stringify(ask(n)), "page");
    expect(kept.size).toBe(REQUESTS);
  });
});

describe.each([EXPRESS_5, KOA_3, NODE_HTTP])("$name", (adapter) => {
  it.each(FLOODS)("keeps its bounds, and the page everybody wants, under $flood", async ({ handler, ask }) => {
    const site = await openSite(adapter, {
      options: { ttl: "5m", maxEntries: MOST_FILES, maxSize: MOST_BYTES, memory: "1mb" },
      ...(handler && { handler }),
    });
    const wanted = () => site.visit("/wanted", { headers: { host: "www.example", "user-agent": "everybody" } });
    await wanted();
    await wanted();
    for (let n = 0; n < REQUESTS; n += AT_A_TIME) {
      await Promise.all(
        Array.from({ length: AT_A_TIME }, (_, k) => {
          const [target, headers] = ask(n + k);
          return site.visit(target, { headers });
        }),
      );
      expect((await wanted()).isHit).toBe(true);
    }
    await written(site.cache);
    const { memoryBytes } = await site.cache.stats();
    expect(memoryBytes).toBeLessThanOrEqual(1024 * 1024);
    await becomes(() => onDisk(site).files <= MOST_FILES * SLACK && onDisk(site).bytes <= MOST_BYTES * SLACK);
    expect(site.errors).toEqual([]);
  });

  it("keeps 64 variants of a page, however many are asked for", async () => {
    const site = await openSite(adapter, { handler: byAgent });
    for (let n = 0; n < 100; n++) await site.visit("/", { headers: { "user-agent": `agent ${n}` } });
    await written(site.cache);
    // The variants, and the list of them.
    await becomes(() => onDisk(site).files <= 65);
    expect((await site.visit("/", { headers: { "user-agent": "agent 99" } })).isHit).toBe(true);
  });

  it("lets no more wait for a page than it is told to, and everybody gets it", async () => {
    const release = barrier();
    const site = await openSite(adapter, {
      options: { ttl: "5m", flight: { maxFollowers: 3 } },
      handler: async () => {
        await release.opened;
        return { headers: { "Content-Type": "text/plain" }, body: "page" };
      },
    });
    const answers = Promise.all(Array.from({ length: 20 }, () => site.visit("/")));
    // One leads, three wait, and the application answers the others at once.
    await site.waiting(3);
    await becomes(() => site.renders === 17);
    release.open();
    expect((await answers).every(({ text }) => text === "page")).toBe(true);
    expect(site.renders).toBe(17);
  });
});

/** What is dropped is dropped behind the requests. The limit of the test is the limit here. */
async function becomes(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise(setImmediate);
}

function onDisk({ dir }: Site): { readonly files: number; readonly bytes: number } {
  const files = entryFiles(dir);
  return { files: files.length, bytes: files.reduce((sum, file) => sum + statSync(file).blocks * 512, 0) };
}
