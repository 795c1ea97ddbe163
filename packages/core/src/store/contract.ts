/** What a store promises to the modules above it. It keeps bytes under a key and knows nothing of HTTP. */
import type { MaybeAsync } from "../base/async.js";
import type { Clock } from "../base/clock.js";
import type { DiskCacheError } from "../base/errors.js";

/** A position in the invalidation log, in bytes since its beginning: the clock that orders purges. */
export type LogPosition = number;

/** What is kept beside a body. */
export interface EntryHead {
  /** Full key; compared when the entry is read, so one key can never answer for another. */
  readonly key: string;
  /** The group a purge by host names; `""` for none. */
  readonly scope: string;
  /** What a purge by name or prefix compares: for a page its path and query. */
  readonly name: string;
  /** Labels a purge by tag names. */
  readonly tags: readonly string[];
  /** Opaque to the store; returned unchanged. */
  readonly meta: string;
  /** When it was made, epoch milliseconds. */
  readonly storedAt: number;
  /** When it can no longer be used, not even stale; epoch milliseconds, or `Infinity`. */
  readonly expiresAt: number;
  /** Position of the invalidation log when the making of this entry began: every later record that matches invalidates
   * it. */
  readonly birth: LogPosition;
}

/** A stored entry, complete, and verified as far as it is in memory. `reader()` verifies the rest piece by piece
 * before giving it out, except for an entry that is being committed, which is read from where it was written. */
export interface StoreEntry<Value> {
  readonly head: EntryHead;
  /** `head.meta` as the owner of the store decoded it. */
  readonly value: Value;
  readonly bodyBytes: number;
  /** The whole body when it is small or in memory; otherwise `undefined`: then use `reader()`. */
  readonly body: Buffer | undefined;
  /** Set when `body` is lent: for one request, which gives it back when it no longer needs it. */
  readonly lease?: Lease | undefined;
  /** A soft purge matched it: it counts as stale whatever its lifetime. */
  readonly softPurged: boolean;
  /** Opens the body for reading. Every piece is verified before it is given out. Rejects
   * (`ERR_DISKCACHE_CORRUPT_ENTRY`, `…_STORE_IO`) when it cannot. */
  reader(): BodyReader;
}

/** The right to bytes that are only lent. A caller that never gives them back keeps them. */
export interface Lease {
  /** From now on the bytes may change. Calling it again does nothing. */
  giveBack(): void;
}

/** Reads a body piece by piece, in constant memory. Closed by its user, always. */
export interface BodyReader {
  /** The next verified bytes from `start` (inclusive) to at most `end` (exclusive), or fewer; empty only at the end of
   * the body. The buffer belongs to the caller until the next call. */
  read(start: number, end: number): Promise<Buffer>;
  close(): void;
}

/** An entry being written to a temporary file, invisible until `commit`. */
export interface EntryWriter {
  /** Takes a piece of the body, however long. False when more than a bounded amount waits for the disk: `onDrain` is
   * called when it has been written. */
  write(chunk: Buffer): boolean;
  /** Called once each time the writer has room again after `write` returned false. */
  onDrain: (() => void) | undefined;
  /** True once the writer has given up (disk full, body too long, closed): further pieces are ignored and nothing will
   * be stored. */
  readonly failed: boolean;
  /** Finishes the file with its final head. Visible to this process when the call returns. Resolves to whether it is
   * stored; never rejects. */
  commit(head: EntryHead): Promise<boolean>;
  /** Reads what was given to `write` so far, wherever it is, unverified: for readers in this process that follow the
   * write. Several reads may run at a time; each returns a buffer of its own. Usable after `commit` and `abort`, until
   * closed. */
  reader(): BodyReader;
  /** Leaves nothing behind. */
  abort(): void;
}

/** What a purge names. */
export type PurgeSelector =
  | { readonly kind: "name"; readonly name: string; readonly scope: string | undefined }
  | { readonly kind: "prefix"; readonly prefix: string; readonly scope: string | undefined }
  | { readonly kind: "scope"; readonly scope: string }
  | { readonly kind: "tag"; readonly tag: string }
  | { readonly kind: "all" };

/** Pages whose path matches a pattern, whatever their query. A store that is handed in is given the prefix `/` in its
 * place, which names more. */
export interface PathSelector {
  readonly kind: "path";
  readonly path: string;
  readonly scope: string | undefined;
}

export interface StoreStats {
  /** Entries and bytes (allocated blocks) in the directory, as far as known; exact once the first count has
   * finished. */
  readonly entries: number;
  readonly bytes: number;
  readonly memoryEntries: number;
  readonly memoryBytes: number;
  /** Writes handed over and not yet on disk. */
  readonly pendingWrites: number;
  readonly evictions: number;
  readonly corrupt: number;
  readonly ioErrors: number;
  readonly skippedWrites: number;
  /** How it is between the machines that share purges. */
  readonly tier?: TierStats;
}

/** How it is between the machines, as this process knows it. */
export interface TierStats {
  /** `"joining"` until the first contact; `"cut-off"` when the last one is more than a lease ago. */
  readonly state: "joining" | "joined" | "cut-off";
  /** The name of this directory among the machines. */
  readonly machine: string;
  /** The newest record of the chain that this directory has taken over, and how many it lacks, as far as is known. */
  readonly position: number;
  readonly behind: number;
  /** Milliseconds since nothing was missing; `Infinity` when that was never. */
  readonly contactAgeMs: number;
  /** Machines that take part, as the last purge or contact of this process found them. */
  readonly machines: number;
  /** Purges of this directory that other machines have not been told of. */
  readonly unpublished: number;
  /** How long this process's purges took until no machine answered with what they named, milliseconds; `undefined`
   * before the first. */
  readonly confirmMs: { readonly p50: number; readonly p99: number } | undefined;
  /** Whether this process passes purges on. */
  readonly relay: boolean;
  /** How it is with pages that machines share; `undefined` where they do not. */
  readonly pages?: SharedPagesStats;
}

/** What became of pages that machines share, since this cache was made. */
export interface SharedPagesStats {
  /** `"resting"`: the engine has not answered in time lately, and is not asked for a while. */
  readonly state: "open" | "resting";
  /** Entries that were not on disk and were found elsewhere, and that were not found. */
  readonly hits: number;
  readonly misses: number;
  /** Entries that were given to the engine, and their bytes; and those that were not, as it was full or away. */
  readonly puts: number;
  readonly putBytes: number;
  readonly skippedPuts: number;
  /** Times that the engine did not answer in time, or with an error. */
  readonly failures: number;
}

/** How a lock is asked for. */
export interface LockOptions {
  /** The entry, and the birth of what is made: a maker that began before a purge of the entry is not waited for. */
  readonly making?: Pick<EntryHead, "scope" | "name" | "birth">;
  /** Also when no other process seems to have the directory open: one may just be starting. */
  readonly always?: boolean;
}

/** Held while an entry is made. Released once; releasing again does nothing. */
export interface KeyLock {
  /** Releases the lock once what was put under the key, and under `others`, can be found by other processes. */
  release(others?: readonly string[]): void;
}

/** How a lock ended: `"abandoned"` when its holder died, so nothing was made under it, or when it was gone at the
 * first check; `"over"` otherwise, also when it did not end in time. */
export type LockEnd = "over" | "abandoned";

/** Bytes under keys, shared by every process that opens the same directory, or whatever a store has in its place. No
 * method throws or rejects, but where it says so: a fault is a miss, or something that is not stored, and an event. */
export interface Store<Value> {
  /** Position of the invalidation log now (checked at most once per turn of the event loop): the birth of an entry
   * whose making begins now. */
  position(): LogPosition;
  /** The same, checked again within the turn. */
  positionNow(): LogPosition;
  /** A valid entry, from memory, from the write queue, or from disk. A promise only when the disk is slow; it never
   * rejects. */
  get(key: string): StoreEntry<Value> | undefined | Promise<StoreEntry<Value> | undefined>;
  /** The same for one request: a body that does not stay in memory may be lent, which saves a copy. */
  borrow(key: string, now: number): StoreEntry<Value> | undefined | Promise<StoreEntry<Value> | undefined>;
  /** The same if it is in memory and was found valid in this turn of the event loop, or nothing was purged since;
   * `undefined` means not known. Costs next to nothing.
   * @param now epoch milliseconds */
  inMemory(key: string, now: number): StoreEntry<Value> | undefined;
  /** As `get`, but bypasses the memory tier: sees what another process has written since. Costs a read. */
  getLatest(key: string): StoreEntry<Value> | undefined | Promise<StoreEntry<Value> | undefined>;
  /** As `get` while no other process can have stored anything, otherwise as `getLatest`: for owners that overwrite
   * what other processes may have in memory. */
  getCurrent(key: string): StoreEntry<Value> | undefined | Promise<StoreEntry<Value> | undefined>;
  /** Whether `admission` lets a response under the key be stored. Counts as a request for the key. */
  admits(key: string): boolean;
  /** Whether more can be found under a key than was ever stored here: other machines share what they store. */
  readonly reachesOthers?: boolean;
  /** Whether anything can be stored now: not while the directory cannot be used, or storing is paused after a fault of
   * the disk. */
  readonly storing: boolean;
  /** Whether so much of bodies that come in pieces waits for the disk that `create` begins no other now. */
  readonly crowded: boolean;
  /** Why an entry with this head and a body of `bodyBytes` would not be stored now; `undefined` when it would, as far
   * as that is known before it is written. `head.meta` is not decoded: it may still be empty.
   * @param whole whether that is the final length of the body; otherwise it is a minimum */
  unfit(head: EntryHead, bodyBytes: number, whole: boolean): SkipReason | undefined;
  /** Whether it would fit if everything else were removed: whether waiting for room can help. */
  couldHold(head: EntryHead, bodyBytes: number): boolean;
  /** Stores an entry: visible to this process when the call returns, written later. False when it is not stored
   * (bounds, faults, queue full). That it is not stored, now or later, is observed as `skip`. */
  put(head: EntryHead, body: Buffer): boolean;
  /** Begins an entry whose body comes in pieces; `undefined` when storing is paused. */
  create(key: string): EntryWriter | undefined;
  /** Whether no purge since `birth` matches such an entry. */
  survivesPurges(entry: Pick<EntryHead, "scope" | "name" | "tags" | "birth">): boolean;
  /** The right to make the entry of a key, among all processes. `"held"`: another process makes it, `released`
   * resolves when that is over; `undefined`: no other process has the directory open, or no lock can be made. */
  lock(key: string, options?: LockOptions): KeyLock | "held" | undefined;
  /** The same among all machines that share pages; `released` waits for these, too. */
  lockEverywhere?(key: string, options?: LockOptions): MaybeAsync<KeyLock | "held" | undefined>;
  /** Resolves when the key is no longer held, or the time is up. Never rejects. */
  released(key: string, timeoutMs: number): Promise<LockEnd>;
  /** Drops one entry. */
  remove(key: string): void;
  /** The same for every process that shares the directory: what they remember under its name goes, too. */
  removeForAll(head: Pick<EntryHead, "key" | "scope" | "name">): void;
  /** Resolves when what was put, committed or removed under the key is in effect for every process, or given up. */
  written(key: string): Promise<void>;
  /** Whether anything is under the key, valid or not: after a removal that met a fault. */
  has(key: string): boolean | Promise<boolean>;
  /** The heads of what is stored, in no order; some entries may be invalid. May read everything. */
  heads(): AsyncIterable<EntryHead>;
  /** Invalidates what the selectors match, for every process that shares the directory. Resolves when no process would
   * serve it any more; rejects with `ERR_DISKCACHE_PURGE` when the purge cannot be recorded. */
  purge(selectors: readonly (PurgeSelector | PathSelector)[], options: { readonly soft: boolean }): Promise<void>;
  /** Invalidates everything; disk space is freed afterwards. */
  clear(): Promise<void>;
  stats(): StoreStats;
  /** Writes what waits, releases descriptors and timers. Idempotent. */
  close(): Promise<void>;
}

/** The cache that opens a store: what it tells the store, and what it is told. */
export interface StoreOwner<Value> {
  /** What `head.meta` means to the cache: the `value` of an entry. What it throws for cannot be stored, and is a miss
   * where it is found. */
  readonly decode: (head: EntryHead) => Value;
  /** Takes note of what happens in the store. Never throws. */
  readonly observe: (event: StoreEvent) => void;
  /** Lifetimes end by this clock. */
  readonly clock: Clock;
  /** A lookup waits however long it takes: its owner counts, and takes a miss for an absence. Otherwise a store that
   * is slow had better answer with a miss. */
  readonly patient: boolean;
  /** The cache is switched off: it stores and looks up nothing, and only purges, for others that share what is
   * stored. */
  readonly idle: boolean;
}

/** Opens a store for a cache, which closes it. All that one function opens share their entries and purges. A cache may
 * open more than one: for its pages, and for values beside them. */
export type OpenStore = <Value>(owner: StoreOwner<Value>) => Store<Value>;

/* What the store reports to its owner while it works. Nothing here carries a body or a header field. */

/** A bound that is checked against the size of the file system. */
export type SpaceBound = "minFree" | "maxSize";

/** Why an entry was not stored. */
export type SkipReason =
  /** Storing is paused after a fault of the disk. */
  | "paused"
  /** `maxSize`, `maxEntries` or `minFree` is reached and eviction has not caught up. */
  | "over-budget"
  /** The body is longer than `maxBody`. */
  | "body-too-long"
  /** The head is longer than the format allows. */
  | "head-too-long"
  /** The write queue is full. */
  | "queue-full"
  /** A purge matched it while it was made. */
  | "purged"
  /** Its lifetime was over before it was stored, or its meta cannot be read back. */
  | "unusable"
  /** The file system refused. */
  | "io"
  /** The directory cannot be used, or the store is closed. */
  | "unavailable";

export type StoreEvent =
  | { readonly type: "corrupt"; readonly path: string; readonly error: DiskCacheError }
  /** `said`: it follows from a fault that has been reported. */
  | {
      readonly type: "error";
      readonly operation: string;
      readonly code: string;
      readonly error: DiskCacheError;
      readonly said: boolean;
    }
  /** The file system cannot provide what an option asks for. Reported once. */
  | { readonly type: "too-small"; readonly option: SpaceBound; readonly error: DiskCacheError }
  | { readonly type: "skip"; readonly reason: SkipReason; readonly key: string }
  /** The sweep has removed files: to keep the bounds, or because they were expired or purged. */
  | { readonly type: "evict"; readonly reason: "bounds" | "dead"; readonly entries: number; readonly bytes: number }
  | { readonly type: "pause"; readonly code: string; readonly forMs: number }
  | { readonly type: "resume" }
  | { readonly type: "log-restarted"; readonly problem: string };

/* A stored body in one piece, from memory or from disk. For owners whose bodies are short, or needed whole. */

/** May be shared with other callers: must not be changed. `undefined` when the body is shorter than it should be.
 * @throws {DiskCacheError} rejects with `ERR_DISKCACHE_CORRUPT_ENTRY` or `ERR_DISKCACHE_STORE_IO` when it cannot be
 * read */
export async function wholeBody(entry: StoreEntry<unknown>): Promise<Buffer | undefined> {
  const { body, bodyBytes } = entry;
  if (body !== undefined) return body;
  const reader = entry.reader();
  try {
    const pieces: Buffer[] = [];
    for (let at = 0; at < bodyBytes; at += pieces.at(-1)!.length) {
      const piece = await reader.read(at, bodyBytes);
      if (piece.length === 0) return undefined;
      // The reader reuses its buffer.
      pieces.push(Buffer.from(piece));
    }
    return Buffer.concat(pieces);
  } finally {
    reader.close();
  }
}
