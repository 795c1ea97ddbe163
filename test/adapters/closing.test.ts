/** `close()` while pages are made and written: what a client was told is stored is found by the next process, and
 * nothing else is called so. */
import { fork } from "node:child_process";
import { once } from "node:events";
import { setImmediate as nextTurn } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { describe, expect, it, onTestFinished } from "vitest";
import { barrier } from "../support/barrier.js";
import { systemClock } from "../support/manual-clock.js";
import { temporaryDirectory } from "../support/temporary-directory.js";
import { visit } from "../support/visit.js";
import type { Answer } from "../support/visit.js";
import { EVERY_ADAPTER } from "./adapters.js";
import type { Adapter } from "./adapters.js";
import { openSite } from "./site.js";
import type { Site, SiteDescription } from "./site.js";

const RUNNER = fileURLToPath(new URL("../support/run-module.mjs", import.meta.url));
const HOST = { host: "site.example" };
const SIZES = [
  { size: "short", bytes: 500 },
  { size: "long", bytes: 300_000 },
];
/** What is written beside a page so that it can be found. */
const LISTED = [
  { what: "differs by a field", fields: { Vary: "Accept-Language" }, found: "/" },
  { what: "differs by a part of its query", fields: { "No-Vary-Search": 'params=("x")' }, found: "/?x=2" },
];

/** Whether the next process finds the page. */
async function survives(adapter: Adapter, site: Site, target = "/"): Promise<boolean> {
  await site.close();
  const next = await openSite(adapter, { options: { ttl: "5m", dir: site.dir, clock: site.clock } });
  next.cache.hole("user", () => "the next");
  return (await next.visit(target, { headers: HOST })).isHit;
}

describe.each(EVERY_ADAPTER)("$name: a page that is written while the cache is closed", (adapter) => {
  describe.each(LISTED)("and $what", ({ fields, found }) => {
    it.each(SIZES)("is found by the next process ($size)", async ({ bytes }) => {
      const site = await openSite(adapter, { handler: () => ({ headers: fields, body: Buffer.alloc(bytes, "p") }) });
      const closed: Promise<void>[] = [];
      site.onRequest((_req, res) => void res.once("finish", () => closed.push(site.cache.close())));
      const answer = await site.visit("/?x=1".slice(0, found.length), { headers: HOST });
      expect([answer.isStored, closed.length]).toEqual([true, 1]);
      await Promise.all(closed);
      expect(await survives(adapter, site, found)).toBe(true);
    });
  });
});

describe.each(EVERY_ADAPTER)("$name: a page that is still being made when the cache is closed", (adapter) => {
  /** The answer to a request whose response is whole, and held up until the cache is closed. */
  async function closeBefore(site: Site, held: Promise<void>, release: () => void): Promise<Answer> {
    const answer = site.visit("/", { headers: HOST });
    await held;
    await site.cache.close();
    release();
    return answer;
  }

  it.each(SIZES)("is not called stored where a hole of it is filled late ($size)", async ({ bytes }) => {
    const [held, release] = [barrier(), barrier()];
    const site = await openSite(adapter, {
      handler: ({ directives }) => ({ body: `${directives.hole("user")}${"p".repeat(bytes)}` }),
    });
    site.cache.hole("user", async () => {
      held.open();
      await release.opened;
      return "me";
    });
    const answer = await closeBefore(site, held.opened, release.open);
    expect([answer.text.length, answer.cacheStatus]).toEqual([bytes + 2, "diskcache; fwd=uri-miss; detail=store"]);
    expect(await survives(adapter, site)).toBe(false);
  });

  it.each(SIZES)("is not called stored where its handler answers late ($size)", async ({ bytes }) => {
    const [held, release] = [barrier(), barrier()];
    const site = await openSite(adapter, {
      handler: async () => {
        held.open();
        await release.opened;
        return { body: Buffer.alloc(bytes, "p") };
      },
    });
    const answer = await closeBefore(site, held.opened, release.open);
    expect([answer.body.length, answer.cacheStatus]).toEqual([bytes, "diskcache; fwd=uri-miss; detail=store"]);
    expect(await survives(adapter, site)).toBe(false);
  });

  it("does not hold up the end", async () => {
    const site = await openSite(adapter, { handler: () => new Promise(() => {}) });
    void site.visit("/").catch(() => {});
    await site.arrivals.reaches(1);
    await nextTurn();
    await expect(site.cache.close()).resolves.toBeUndefined();
  });
});

describe.each(EVERY_ADAPTER.filter(({ tapped, web }) => !tapped && web !== true))(
  "$name: middleware outside the cache",
  (adapter) => {
    it.each(SIZES)("that goes on after the page was made has it not called stored ($size)", async ({ bytes }) => {
      const [held, release] = [barrier(), barrier()];
      const outside = async (_ctx: unknown, next: () => Promise<void>): Promise<void> => {
        await next();
        held.open();
        await release.opened;
      };
      const description: SiteDescription = { tool: () => outside, toolAs: "before" };
      const site = await openSite(adapter, { ...description, handler: () => ({ body: Buffer.alloc(bytes, "p") }) });
      const answer = site.visit("/", { headers: HOST });
      await held.opened;
      await site.cache.close();
      release.open();
      expect((await answer).cacheStatus).toBe("diskcache; fwd=uri-miss; detail=store");
      expect(await survives(adapter, site)).toBe(false);
    });
  },
);

describe("a process that ends", () => {
  it.each([
    { order: "server first", name: "express 5" },
    { order: "cache first", name: "koa 3" },
    { order: "both at once", name: "node:http" },
  ])("$order has on the disk what it called stored ($name)", async ({ order, name }) => {
    const adapter = EVERY_ADAPTER.find((one) => one.name === name)!;
    const dir = temporaryDirectory();
    const child = fork(RUNNER, ["/test/adapters/closing-worker.ts", dir, adapter.name, order]);
    onTestFinished(() => void child.kill("SIGKILL"));
    const [{ origin }] = (await once(child, "message")) as [{ readonly origin: string }];
    const exited = once(child, "exit");
    const kinds = ["plain", "vary", "query", "pieces"];
    const targets = Array.from({ length: 80 }, (_, n) => `/${n}/${[500, 90_000][n % 2]}/${kinds[(n >> 1) % 4]}`);
    // Only where the server does not wait for it.
    if (order !== "server first") void visit(origin, "/0/1/never").catch(() => {});
    let answered = 0;
    const answers = targets.map(async (target) => {
      const answer = await visit(origin, target, { headers: HOST });
      if (++answered === 20) child.kill("SIGTERM");
      return { target, answer };
    });
    const stored = (await Promise.allSettled(answers)).flatMap((settled) =>
      settled.status === "fulfilled" && /; stored\b/.test(settled.value.answer.cacheStatus) ? [settled.value] : [],
    );
    expect(await exited).toEqual([0, null]);
    const next = await openSite(adapter, { options: { ttl: "1h", dir, clock: systemClock } });
    const lost = [];
    for (const { target } of stored) if (!(await next.visit(target, { headers: HOST })).isHit) lost.push(target);
    expect(lost).toEqual([]);
  });
});
