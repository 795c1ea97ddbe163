/** Stores on disk for one test, closed when it is over. */
import { lstatSync } from "node:fs";
import { onTestFinished } from "vitest";
import type { EntryHead, StoreEntry, StoreEvent } from "../../packages/core/src/store/contract.js";
import type { DiskStoreOptions } from "../../packages/core/src/store/disk-store-options.js";
import { DiskStore } from "../../packages/core/src/store/disk-store.js";
import { ManualClock } from "../support/manual-clock.js";

const HOUR_MS = 3_600_000;

export interface Opened {
  readonly store: DiskStore<string>;
  readonly events: StoreEvent[];
  readonly clock: ManualClock;
  /** A head of this moment. */
  head(key: string, more?: Partial<EntryHead>): EntryHead;
  /** Puts it and waits for the disk. */
  keep(key: string, body: Buffer | string): Promise<void>;
}

/** With room for everything. */
export function diskStoreOptions(dir: string) {
  return {
    dir,
    memoryBytes: 0,
    maxSize: 2 ** 30,
    maxEntries: 1_000_000,
    minFree: 0,
    maxBody: 2 ** 24,
    durability: "none",
    strict: false,
    allowPublicDir: true,
  } as const;
}

export function opened(
  dir: string,
  {
    clock = new ManualClock(new Date().toISOString()),
    ...options
  }: Partial<DiskStoreOptions<string>> & { readonly clock?: ManualClock } = {},
): Opened {
  const events: StoreEvent[] = [];
  const store = new DiskStore<string>({
    ...diskStoreOptions(dir),
    clock,
    decode: ({ meta }) => meta,
    observe: (event) => events.push(event),
    ...options,
  });
  onTestFinished(() => store.close());
  const head = (key: string, more: Partial<EntryHead> = {}): EntryHead => ({
    key,
    scope: "host",
    name: key,
    tags: [],
    meta: "meta",
    storedAt: clock.now(),
    expiresAt: clock.now() + HOUR_MS,
    birth: store.position(),
    ...more,
  });
  const keep = async (key: string, body: Buffer | string): Promise<void> => {
    store.put(head(key), Buffer.from(body));
    await store.flush();
  };
  return { store, events, clock, head, keep };
}

/** The body of an entry, `undefined` for a miss or one that turns out damaged while it is read. */
export async function bodyOf(found: StoreEntry<unknown> | undefined | Promise<StoreEntry<unknown> | undefined>) {
  const entry = await found;
  if (entry?.body !== undefined) return entry.body;
  if (entry === undefined) return undefined;
  const reader = entry.reader();
  const pieces: Buffer[] = [];
  let bytes = 0;
  try {
    while (bytes < entry.bodyBytes) {
      const piece = await reader.read(bytes, entry.bodyBytes);
      pieces.push(Buffer.from(piece));
      bytes += piece.length;
    }
    return Buffer.concat(pieces);
  } catch {
    return undefined;
  } finally {
    reader.close();
  }
}

/** Lets the event loop go round until something holds. */
export async function until(holds: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await holds())) await new Promise((resolve) => setImmediate(resolve));
}

/** Whether nobody sweeps. The lock points nowhere, so it is not enough to ask whether it "exists". */
export function isSwept(dir: string): boolean {
  return lstatSync(`${dir}/sweeper`, { throwIfNoEntry: false }) === undefined;
}

/** The body that a key and a number make, so that any byte of another one shows. */
export function bodyFor(key: string, bytes: number): Buffer {
  return Buffer.alloc(bytes, `${key}:${bytes};`);
}
