import { AsyncLocalStorage } from "node:async_hooks";
import { rmSync } from "node:fs";
import { join } from "node:path";
import { expect, it, onTestFinished } from "vitest";
import type { EntryUnits } from "../entries/entries.js";
import { Faults } from "../faults.js";
import { nodeFileSystem } from "../file-system.js";
import { SHARD_COUNT } from "../paths.js";
import { RoleLock } from "../peers/role-lock.js";
import { FreeSpace } from "./free-space.js";
import { SharedUsage } from "./shared-usage.js";
import { SpaceGuard } from "./space-guard.js";
import { Sweeper } from "./sweeper.js";
import { isSwept, opened, until } from "../../../../../test/store/opened.js";
import { temporaryDirectory } from "../../../../../test/support/temporary-directory.js";

const DAY_MS = 86_400_000;

it("removes what is expired in the context of no request, not even of that for which it begins", async () => {
  const requests = new AsyncLocalStorage<string>();
  const dir = temporaryDirectory();
  const before = opened(dir);
  for (let index = 0; index < 300; index++) before.store.put(before.head(`/${index}`), Buffer.from("x"));
  await before.store.close();
  before.clock.advance(DAY_MS);
  const removedFor: (string | undefined)[] = [];
  let removed = 0;
  const { store, head } = opened(dir, {
    clock: before.clock,
    observe: (event) => {
      if (event.type !== "evict") return;
      removedFor.push(requests.getStore());
      removed += event.entries;
    },
  });
  requests.run("a request", () => store.put(head("/new"), Buffer.from("x")));
  await until(() => removed === 300);
  expect(new Set(removedFor)).toEqual(new Set([undefined]));
});

const SLOW_UNITS = 4;

interface Told {
  /** In each unit. */
  readonly entries: number;
  /** In the first units each takes longer than a stretch of work may. */
  readonly slow?: boolean;
  readonly more?: Partial<EntryUnits>;
}

/** A sweeper over units that are only told of. */
function sweeping({ entries, slow = false, more }: Told) {
  const root = temporaryDirectory();
  let position = 0;
  const passes: { heads: number }[] = [];
  const units: EntryUnits = {
    count: SHARD_COUNT,
    litter: () => {
      passes.push({ heads: 0 });
      return [];
    },
    *scan(unit) {
      const slowHere = slow && unit < SLOW_UNITS;
      for (let entry = 0; entry < entries; entry++) {
        if (slowHere) wait(2);
        yield { kind: "entry", id: "", bytes: 4096, expiresAt: Infinity, usedAt: 0 };
      }
      if (slowHere) wait(2);
      yield { kind: "unit", bytes: 4096 };
    },
    head: () => {
      passes.at(-1)!.heads++;
      return undefined;
    },
    heads: () => [],
    drop: () => "kept",
    dropUnit: () => false,
    ...more,
  };
  const fs = nodeFileSystem;
  const elapsed = () => performance.now();
  const bounds = { maxSize: Infinity, maxEntries: Infinity, minFree: 0 };
  const failed = (): never => expect.unreachable();
  const usage = new SharedUsage(fs, root, bounds, { failed, mayMake: () => true, logBytes: () => 0 });
  const free = new FreeSpace(fs, root, bounds);
  const guard = new SpaceGuard(bounds, { usage, free, elapsed, lacking: () => sweeper.makeRoom() });
  const sweeper: Sweeper = new Sweeper({
    fs,
    root,
    units,
    faults: new Faults(failed, { refused: failed, accepted: failed, onlyRead: () => false }),
    usage,
    guard,
    now: () => Date.now(),
    elapsed,
    logged: () => ({ epoch: 1, position }),
    writable: () => true,
    usable: () => true,
    swept: () => undefined,
  });
  onTestFinished(() => (sweeper.stop(), usage.close()));
  return { sweeper, usage, root, passes, purge: () => void position++ };
}

const wait = (ms: number) => {
  for (const begun = performance.now(); performance.now() - begun < ms;);
};

it("counts once when it starts, however often it is asked to", async () => {
  const { sweeper, usage, passes } = sweeping({ entries: 0 });
  sweeper.start();
  sweeper.start();
  await until(() => usage.counted);
  sweeper.attend();
  expect(passes).toHaveLength(1);
});

it("counts a directory as empty before it rests from having removed it", async () => {
  const seen: number[] = [];
  const { sweeper, usage } = sweeping({
    entries: 1,
    slow: true,
    more: {
      drop: () => "gone",
      dropUnit: (unit) => (setImmediate(() => seen.push(usage.entriesIn(unit))), true),
    },
  });
  for (let unit = 0; unit < SHARD_COUNT; unit++) usage.changed(unit, { bytes: 4096, entries: 1 });
  sweeper.purged(true);
  await until(() => seen.length === SHARD_COUNT);
  expect(new Set(seen)).toEqual(new Set([0]));
});

it("that is passing when everything is purged passes again, and then reads every head", async () => {
  const { sweeper, passes, purge } = sweeping({ entries: 1, slow: true });
  sweeper.start();
  purge();
  sweeper.purged(true);
  sweeper.purged(true);
  expect(passes).toHaveLength(1);
  await until(() => passes.length === 2 && passes[1]?.heads === SHARD_COUNT);
  expect(passes[0]?.heads).toBe(SHARD_COUNT);
});

it("leaves a directory alone while another process sweeps it", () => {
  const { sweeper, usage, root, passes } = sweeping({ entries: 1 });
  const other = new RoleLock(nodeFileSystem, {
    path: `${root}/sweeper`,
    elapsed: () => performance.now(),
    progress: () => "",
    silentMs: 5_000,
  });
  other.take();
  sweeper.start();
  sweeper.purged(true);
  expect([usage.counted, passes.length]).toEqual([false, 0]);
  other.release();
  sweeper.purged(true);
  expect(passes).toHaveLength(1);
});

it("passes again when its lock is lost", async () => {
  const { sweeper, usage, root, passes } = sweeping({ entries: 1, slow: true });
  sweeper.start();
  rmSync(join(root, "sweeper"));
  await until(() => usage.counted && isSwept(root));
  expect(passes).toHaveLength(2);
});

it("that is stopped amid a pass leaves the lock, and begins nothing any more", () => {
  const { sweeper, usage, root, passes, purge } = sweeping({ entries: 1, slow: true });
  sweeper.start();
  expect(isSwept(root)).toBe(false);
  sweeper.stop();
  purge();
  sweeper.purged(true);
  sweeper.sawAllPurged();
  sweeper.attend();
  sweeper.stored();
  expect([isSwept(root), usage.counted, passes.length]).toEqual([true, false, 1]);
});
