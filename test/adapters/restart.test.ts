/** What a directory is worth to the next process, and to the one beside it. */
import { readdirSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { isSwept } from "../store/opened.js";
import { ManualClock, systemClock } from "../support/manual-clock.js";
import { temporaryDirectory } from "../support/temporary-directory.js";
import { visit } from "../support/visit.js";
import { ADAPTERS, EXPRESS_5, NODE_HTTP } from "./adapters.js";
import type { Handler } from "./adapters.js";
import { pageAt } from "./self-describing.js";
import { openSite } from "./site.js";
import type { Site } from "./site.js";
import { startWorker } from "./worker-process.js";

const HEADERS = { host: "site.example" };

describe.each(ADAPTERS)("$name: a restart", (adapter) => {
  it("keeps every page: bytes, fields, age, variants, validators", async () => {
    const handler: Handler = ({ req }) => ({
      headers: {
        "Content-Type": "text/plain; charset=utf-8",
        "X-Twice": ["1", "2"],
        ...(req.url === "/vary" ? { Vary: "Accept-Language" } : {}),
      },
      body: req.url === "/long" ? "long ".repeat(50_000) : `page ${req.url}`,
    });
    const visits = [
      ["/", {}],
      ["/long", {}],
      ["/vary", { "accept-language": "de" }],
      ["/vary", { "accept-language": "en" }],
    ] as const;
    const first = await openSite(adapter, { handler });
    for (const [target, headers] of visits) await first.visit(target, { headers: { ...HEADERS, ...headers } });
    const before = [];
    for (const [target, headers] of visits)
      before.push(await first.visit(target, { headers: { ...HEADERS, ...headers } }));
    await first.close();

    const second = await openSite(adapter, { handler, options: { ttl: "5m", dir: first.dir, clock: first.clock } });
    second.clock.advance(7);
    for (const [index, [target, headers]] of visits.entries()) {
      const answer = await second.visit(target, { headers: { ...HEADERS, ...headers } });
      expect([answer.cacheStatus, answer.header("age")]).toEqual(["diskcache; hit; ttl=293", "7"]);
      expect(answer.body.equals(before[index]!.body)).toBe(true);
      for (const name of ["etag", "content-type", "x-twice", "date", "content-length", "vary"])
        expect([name, answer.lines(name)]).toEqual([name, before[index]!.lines(name)]);
    }
    const tag = before[0]!.header("etag")!;
    expect((await second.visit("/", { headers: { ...HEADERS, "if-none-match": tag } })).status).toBe(304);
    expect(second.renders).toBe(0);
  });

  it("as another version of the application has pages and fragments of its own, and purges those of both", async () => {
    const [dir, clock] = [temporaryDirectory(), new ManualClock()];
    const release = (version: string) =>
      openSite(adapter, {
        options: { ttl: "5m", dir, clock, version },
        handler: async ({ directives }) => ({
          body: `page ${version}, ${await directives.fragment("menu", [], "5m", () => `menu ${version}`)}`,
        }),
      });
    const text = async (site: Site) => (await site.visit("/", { headers: HEADERS })).text;
    const old = await release("1");
    await text(old);
    const next = await release("2");
    expect(await text(next)).toBe("page 2, menu 2");
    for (const site of [old, next]) expect((await site.visit("/", { headers: HEADERS })).isHit).toBe(true);
    expect(await text(old)).toBe("page 1, menu 1");
    await next.cache.purge("/");
    for (const site of [old, next]) expect((await site.visit("/", { headers: HEADERS })).isHit).toBe(false);
  });

  it("does not bring back what was purged, nor what has expired", async () => {
    const first = await openSite(adapter, {
      handler: ({ req }) => ({ headers: req.url === "/short" ? { "Cache-Control": "max-age=5" } : {}, body: "x" }),
    });
    for (const target of ["/kept", "/purged", "/short"]) await first.visit(target, { headers: HEADERS });
    await first.cache.purge("/purged");
    await first.close();
    const second = await openSite(adapter, { options: { ttl: "5m", dir: first.dir, clock: first.clock } });
    second.clock.advance(6);
    const hits = [];
    for (const target of ["/kept", "/purged", "/short"])
      hits.push((await second.visit(target, { headers: HEADERS })).isHit);
    expect(hits).toEqual([true, false, false]);
  });

  it("knows what lies in the directory", async () => {
    const first = await openSite(adapter);
    for (let n = 0; n < 5; n++) await first.visit(`/${n}`);
    await first.close();
    const second = await openSite(adapter, { options: { ttl: "5m", dir: first.dir, clock: first.clock } });
    expect(await settledEntries(second)).toBe(5);
    await second.visit("/new");
    expect(await settledEntries(second)).toBe(6);
  });
});

/** Entries, once everything is written and the first count is over: until then the number is an estimate. */
async function settledEntries({ cache, dir }: Site): Promise<number> {
  let stats = await cache.stats();
  while (stats.pendingWrites > 0 || !isSwept(dir)) {
    await new Promise(setImmediate);
    stats = await cache.stats();
  }
  return stats.entries;
}

describe("a process killed while it writes", () => {
  it.each([{ after: 3 }, { after: 25 }, { after: 90 }])(
    "leaves whole pages and nothing else (after $after answers)",
    async ({ after }) => {
      const dir = temporaryDirectory();
      const worker = await startWorker(dir);
      const settled = Array.from({ length: 10 }, (_, n) => `/settled-${n}/${1 + n * 30_000}`);
      for (const target of settled) await visit(worker.origin, target, { headers: HEADERS });
      await worker.settle();

      const targets = Array.from({ length: 100 }, (_, n) => `/${n}/${(n * 7919) % 400_000}`);
      let answered = 0;
      let killed: Promise<void> | undefined;
      const visits = targets.map(async (target) => {
        await visit(worker.origin, target, { headers: HEADERS });
        if (++answered === after) killed = worker.kill();
      });
      await Promise.allSettled(visits);
      await killed;

      const next = await openSite(NODE_HTTP, {
        options: { ttl: "1h", dir, clock: systemClock },
        handler: ({ req }) => ({ body: pageAt(req.url!) }),
      });
      let hits = 0;
      for (const target of [...settled, ...targets]) {
        const answer = await next.visit(target, { headers: HEADERS });
        expect([target, answer.status, answer.body.equals(pageAt(target))]).toEqual([target, 200, true]);
        if (answer.isHit) hits++;
      }
      expect(hits).toBeGreaterThanOrEqual(settled.length);
      expect(next.errors).toEqual([]);
      await settledEntries(next);
      await next.close();
      expect(readdirSync(dir, { recursive: true }).filter((name) => String(name).includes("tmp-"))).toEqual([]);
    },
  );
});

describe("two processes on one directory", () => {
  it("serve each other's pages and obey each other's purges", async () => {
    const dir = temporaryDirectory();
    const worker = await startWorker(dir);
    const here = await openSite(EXPRESS_5, {
      options: { ttl: "1h", dir, clock: systemClock },
      handler: ({ req }) => ({ body: pageAt(req.url!) }),
    });
    const there = (target: string) => visit(worker.origin, target, { headers: HEADERS });
    for (const target of ["/1/1000", "/2/300000"]) {
      const made = await there(target);
      await worker.settle();
      const shared = await here.visit(target, { headers: HEADERS });
      expect([made.isStored, shared.isHit, shared.header("x-worker"), shared.body.equals(made.body)]).toEqual([
        true,
        true,
        made.header("x-worker"),
        true,
      ]);
    }
    await here.cache.purge("/1/1000");
    expect([(await there("/1/1000")).isHit, (await there("/2/300000")).isHit]).toEqual([false, true]);
    await worker.purge("/2/300000");
    expect((await here.visit("/2/300000", { headers: HEADERS })).isHit).toBe(false);
  });
});
