/** What lies in the directory beside whole entries: what processes leave that were killed, and what the cache keeps for
 * itself. */
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, statSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { formatIdentity, ownIdentity } from "../../packages/core/src/store/process-identity.js";
import { temporaryDirectory } from "../support/temporary-directory.js";
import { allocated } from "./allocated.mjs";
import { isSwept, opened, until } from "./opened.js";

const TWO_HOURS_S = 7200;
const LONG_BYTES = 300_000;

/** A temporary file of somebody's; its path. */
function planted(dir: string, owner: string): string {
  mkdirSync(join(dir, "07"), { recursive: true, mode: 0o700 });
  const path = join(dir, "07", `tmp-${owner}-abcdef-0`);
  writeFileSync(path, Buffer.alloc(LONG_BYTES, 1));
  return path;
}

describe("a temporary file", () => {
  const ended = () => Number(execFileSync(process.execPath, ["-p", "process.pid"], { encoding: "utf8" }));

  it.each([
    { given: "of a process that has ended", owner: () => formatIdentity({ ...ownIdentity, pid: ended() }) },
    {
      given: "of a process whose number another one has since",
      owner: () => formatIdentity({ ...ownIdentity, start: ownIdentity.start + 1 }),
    },
    { given: "of another boot, that has not changed for long", owner: () => "00000000-1-1", old: true },
  ])("$given is removed", async ({ owner, old = false }) => {
    const dir = temporaryDirectory();
    const path = planted(dir, owner());
    const then = Date.now() / 1000 - TWO_HOURS_S;
    if (old) utimesSync(path, then, then);
    const { store } = opened(dir);
    await until(() => (store.stats(), !existsSync(path)));
    await until(() => store.stats().bytes === 0);
    expect(allocated(dir).temporary).toBe(0);
  });

  it.each([
    { given: "of a living process", owner: formatIdentity(ownIdentity), bytes: 0 },
    { given: "of another boot, that may still be written", owner: "00000000-1-1", bytes: LONG_BYTES },
  ])("$given stays, and counts unless its maker has reserved room for it", async ({ owner, bytes }) => {
    const dir = temporaryDirectory();
    const path = planted(dir, owner);
    const { store, keep } = opened(dir);
    await keep("/a", "a");
    await until(() => isSwept(dir));
    expect(store.stats().entries).toBe(1);
    expect(store.stats().bytes).toBeGreaterThan(bytes);
    expect(store.stats().bytes).toBeLessThan(bytes + 30_000);
    expect(statSync(path).size).toBe(LONG_BYTES);
  });
});

describe("what the cache keeps beside its entries", () => {
  it("counts in maxSize: the purges, what it notes of each process, its directories", async () => {
    const dir = temporaryDirectory();
    const maxSize = 2 ** 20;
    const { store, keep } = opened(dir, { maxSize });
    const tags = Array.from({ length: 3000 }, (_, index) => `a tag that was purged once, number ${index}`);
    await store.purge(
      tags.map((tag) => ({ kind: "tag", tag })),
      { soft: false },
    );
    let highest = 0;
    for (let index = 0; index < 400; index++) {
      await keep(`/${index}`, Buffer.alloc(3000));
      if (index % 4 === 0) highest = Math.max(highest, allocated(dir).bytes);
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect(highest / maxSize).toBeLessThanOrEqual(1);
    expect(store.stats().entries).toBeGreaterThan(50);
  });

  it("leaves room for entries, however small maxSize is", async () => {
    const dir = temporaryDirectory();
    const { store, keep } = opened(dir, { maxSize: 48 * 1024 });
    // Of a directory that is not counted yet nothing is known: it may be full.
    store.stats();
    await until(() => isSwept(dir));
    await keep("/a", "a");
    expect(await store.get("/a")).toBeDefined();
  });
});
