/** A cache for one test: in a temporary directory, strict, with a clock that stands still until it is moved. Leaves
 * nothing behind. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { durationSeconds } from "@diskcache/core";
import type { Clock, DiskCacheError, DiskCacheOptions, Duration } from "@diskcache/core";

/** What a `diskCache()` returns, of whichever package, as far as a test needs it. */
export interface AnyCache {
  on(name: "error", listener: (error: DiskCacheError) => void): void;
  close(): Promise<void>;
}

/** The options of a cache, but those that a test does not choose. */
export type TestOptions<Req> = Omit<DiskCacheOptions<Req>, "dir" | "clock" | "store">;

/** A clock that stands still. */
export interface TestClock extends Clock {
  /** Moves it on.
   * @example clock.advance("5m") */
  advance(by: Duration): void;
}

export interface TestCache<Cache> extends AsyncDisposable {
  /** What the application mounts. */
  readonly cache: Cache;
  readonly clock: TestClock;
  /** Where it stores. */
  readonly dir: string;
  /** Gives what went wrong behind the responses so far; `close()` does not reject for it any more. */
  takeErrors(): readonly DiskCacheError[];
  /** Closes the cache and removes its directory. Idempotent.
   * @throws rejects with the first error of the cache that was not taken */
  close(): Promise<void>;
}

/** Directories of caches that are open: removed at the latest when the process ends. */
const OPEN = new Set<string>();

/** A cache for one test: a temporary directory of its own, `strict`, a clock to move, enabled whatever `DISKCACHE`
 * says. Closed and removed when the test is over, where the runner tells: give what it calls, or `await using`, or call
 * `close()`.
 * @param make `diskCache` of the package that the application uses
 * @param whenOver receives what is to be called at the end of the test: `onTestFinished` of Vitest, `t.after` of
 * node:test
 * @throws {DiskCacheError} `ERR_DISKCACHE_OPTION` for a wrong option
 * @example
 * const { cache, clock } = testCache(diskCache, { ttl: "5m" }, onTestFinished);
 * @example
 * await using test = testCache(diskCache, { ttl: "5m" }); */
export function testCache<Req, Cache extends AnyCache>(
  make: (options: DiskCacheOptions<Req>) => Cache,
  options: TestOptions<Req>,
  whenOver?: (end: () => Promise<void>) => unknown,
): TestCache<Cache> {
  const dir = temporaryDirectory();
  const clock = new StillClock();
  const errors: DiskCacheError[] = [];
  let cache: Cache;
  try {
    cache = make({ strict: true, enabled: true, ...options, dir, clock });
  } catch (error) {
    remove(dir);
    throw error;
  }
  cache.on("error", (error) => errors.push(error));
  let closing: Promise<void> | undefined;
  const end = async (): Promise<void> => {
    try {
      await cache.close();
    } finally {
      remove(dir);
    }
    const [first] = errors;
    if (first !== undefined) throw first;
  };
  const close = (): Promise<void> => (closing ??= end());
  whenOver?.(close);
  return { cache, clock, dir, takeErrors: () => errors.splice(0), close, [Symbol.asyncDispose]: close };
}

class StillClock implements TestClock {
  #now = Date.now();

  now(): number {
    return this.#now;
  }

  advance(by: Duration): void {
    this.#now += durationSeconds("advance", by) * 1000;
  }
}

function temporaryDirectory(): string {
  const dir = mkdtempSync(join(tmpdir(), "diskcache-test-"));
  if (OPEN.size === 0) process.on("exit", removeAll);
  OPEN.add(dir);
  return dir;
}

function remove(dir: string): void {
  rmSync(dir, { recursive: true, force: true });
  OPEN.delete(dir);
  if (OPEN.size === 0) process.off("exit", removeAll);
}

function removeAll(): void {
  for (const dir of OPEN) remove(dir);
}
