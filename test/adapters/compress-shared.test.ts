/** Pages kept compressed by several caches on one directory: made by one of them for all, and never sent in the bytes
 * of a body that another one has replaced. */
import { fork } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { brotliDecompressSync } from "node:zlib";
import type { CacheStats } from "@diskcache/core";
import { describe, expect, it, onTestFinished } from "vitest";
import { ManualClock } from "../support/manual-clock.js";
import { temporaryDirectory } from "../support/temporary-directory.js";
import { visit } from "../support/visit.js";
import type { Answer } from "../support/visit.js";
import { ADAPTERS } from "./adapters.js";
import { pageAt } from "./self-describing.js";
import { openSite } from "./site.js";
import type { Site } from "./site.js";

const RUNNER = fileURLToPath(new URL("../support/run-module.mjs", import.meta.url));
const HEADERS = { "accept-encoding": "br", host: "www.example.com" };

function textOf(answer: Answer): string {
  const { body } = answer;
  return (answer.header("content-encoding") === "br" ? brotliDecompressSync(body) : body).toString();
}

describe("several processes", () => {
  async function startWorker(dir: string) {
    const child = fork(RUNNER, ["/test/adapters/compress-worker.ts", dir]);
    onTestFinished(() => void child.kill("SIGKILL"));
    const [{ origin }] = (await once(child, "message")) as [{ readonly origin: string }];
    return {
      visit: (target: string) => visit(origin, target, { headers: HEADERS }),
      stats: async (): Promise<CacheStats> => {
        child.send({});
        const [stats] = (await once(child, "message")) as [CacheStats];
        return stats;
      },
    };
  }

  it("have each page compressed by one of them, and every one sends it", async () => {
    const dir = temporaryDirectory();
    const workers = await Promise.all([1, 2, 3].map(() => startWorker(dir)));
    const targets = Array.from({ length: 8 }, (_, n) => `/${n}/20000`);
    for (const target of targets) await workers[0]!.visit(target);
    const everywhere = workers.flatMap((worker) =>
      targets.map(async (target) => {
        let coded = false;
        while (!coded) {
          const answer = await worker.visit(target);
          expect(textOf(answer)).toBe(pageAt(target).toString());
          coded = answer.header("content-encoding") === "br";
        }
      }),
    );
    await Promise.all(everywhere);
    const stats = await Promise.all(workers.map((worker) => worker.stats()));
    expect(stats.reduce((sum, { compressed }) => sum + compressed, 0)).toBe(targets.length);
  });
});

describe.each(ADAPTERS)("$name: two caches on one directory", (adapter) => {
  const page = (version: number) => `<p>Version ${version} of this page.</p>\n`.repeat(300);

  async function openTwo() {
    const state = { version: 1 };
    const clock = new ManualClock();
    const options = { dir: temporaryDirectory(), clock, ttl: "5m", compress: ["br"] } as const;
    const handler = () => ({ headers: { "Content-Type": "text/html" }, body: page(state.version) });
    const [one, other] = [await openSite(adapter, { options, handler }), await openSite(adapter, { options, handler })];
    return { one, other, clock, state };
  }

  async function untilCoded(site: Site, clock: ManualClock): Promise<string> {
    for (;;) {
      const answer = await site.visit("/", { headers: HEADERS });
      if (answer.header("content-encoding") === "br") return textOf(answer);
      // What another cache is at is looked for again after a while.
      clock.advance(1);
    }
  }

  it.each([
    { given: "purged", purged: true },
    { given: "stale", purged: false },
  ])("send nothing that was made of a body which the other one has replaced: $given", async ({ purged }) => {
    const { one, other, clock, state } = await openTwo();
    await one.visit("/", { headers: HEADERS });
    for (const site of [one, other]) expect(await untilCoded(site, clock)).toBe(page(1));
    state.version = 2;
    if (purged) await one.cache.purge("/");
    else clock.advance(301);
    for (const site of [one, other, one, other])
      expect(textOf(await site.visit("/", { headers: HEADERS }))).toBe(page(2));
    for (const site of [other, one]) expect(await untilCoded(site, clock)).toBe(page(2));
  });
});
