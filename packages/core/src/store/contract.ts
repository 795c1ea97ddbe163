/** What a store promises to the rooms above it. It keeps bytes under a key and knows nothing of HTTP. */
import type { DiskCacheError } from "../base/errors.js";

/** A moment in the invalidation log, in bytes since its beginning: the clock that purges are ordered by. */
export type LogPosition = number;

/** What is kept beside a body. */
export interface EntryHead {
  /** Full key; compared when the entry is read, so two keys can never answer for one another. */
  readonly key: string;
  /** The group a purge by host names; `""` for none. */
  readonly scope: string;
  /** What a purge by name or prefix compares: for a page its path and query. */
  readonly name: string;
  /** Labels a purge by tag names. */
  readonly tags: readonly string[];
  /** Opaque to the store; given back as it was. */
  readonly meta: string;
  /** When it was made, epoch milliseconds. */
  readonly storedAt: number;
  /** When nobody can use it any more, not even stale; epoch milliseconds, or `Infinity`. */
  readonly expiresAt: number;
  /** Position of the invalidation log when the making of this entry began: every later record that matches kills it. */
  readonly birth: LogPosition;
}

/** A stored entry, whole and verified as far as it is in memory; `reader()` verifies the rest piece by piece before giving it out, but for one that is being committed, which is read from where it was written. */
export interface StoreEntry<Value> {
  readonly head: EntryHead;
  /** `head.meta` as the owner of the store decoded it. */
  readonly value: Value;
  readonly bodyBytes: number;
  /** The whole body when it is small or in memory; otherwise `undefined`, and `reader()` is the way. */
  readonly body: Buffer | undefined;
  /** Set where `body` is lent: for one request, which says when it has no more use for it. */
  readonly lease?: Lease | undefined;
  /** A soft purge named it: it counts as stale whatever its lifetime says. */
  readonly softPurged: boolean;
  /** Opens the body for reading. Every piece is verified before it is given out. Rejects (`ERR_DISKCACHE_CORRUPT_ENTRY`, `…_STORE_IO`) when it cannot. */
  reader(): BodyReader;
}

/** The right to bytes that were only lent. Whoever never gives them back keeps them. */
export interface Lease {
  /** From now on they are no longer what they were. More than once does nothing. */
  giveBack(): void;
}

/** Reads a body piece by piece, in constant memory. Closed by its user, always. */
export interface BodyReader {
  /** The next verified bytes from `start` (inclusive) up to at most `end` (exclusive), or fewer; empty only at the end of the body. The buffer is the caller's until the next call. */
  read(start: number, end: number): Promise<Buffer>;
  close(): void;
}

/** An entry being written to a temporary file, invisible until `commit`. */
export interface EntryWriter {
  /** Takes a piece of the body, as long as it may be. False when more than a bounded amount waits for the disk: `onDrain` tells when it has gone. */
  write(chunk: Buffer): boolean;
  /** Called once each time the writer has room again after `write` returned false. */
  onDrain: (() => void) | undefined;
  /** True once it has given up (disk full, body too long, closed): further pieces are ignored and nothing will be stored. */
  readonly failed: boolean;
  /** Finishes the file with its final head. Visible to this process when the call returns; resolves to whether it is stored, and never rejects. */
  commit(head: EntryHead): Promise<boolean>;
  /** Reads what was given to `write` so far, wherever it is, unverified: for those who read along in this process. Several reads may run at a time, each gives a buffer of its own. Stays usable after `commit` and `abort`, until closed. */
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

export interface StoreStats {
  /** Entries and bytes (allocated blocks) in the directory, as far as known; exact once the first count has finished. */
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
}

/** How a lock is asked for. */
export interface LockOptions {
  /** Where the entry belongs, and when its making begins: whoever began before a purge of it holds nobody up any more. */
  readonly making?: Pick<EntryHead, "scope" | "name" | "birth">;
  /** Also when nobody else seems to have the directory open: another one may just be coming. */
  readonly always?: boolean;
}

/** Held while an entry is made. Released once; more often does nothing. */
export interface KeyLock {
  /** Gives it back once what was put under the key, and under `others`, is where other processes find it. */
  release(others?: readonly string[]): void;
}

/** How a lock came to its end: `"abandoned"` by a holder who has died, so that nothing was made under it, or gone before anybody could look at it; `"over"` otherwise, and where it did not come to an end in time. */
export type LockEnd = "over" | "abandoned";

/** Bytes under keys, shared by every process that opens the same directory. */
export interface Store<Value> {
  /** Position of the invalidation log now (looked at most once per turn of the event loop): the birth of an entry whose making begins now. */
  position(): LogPosition;
  /** A living entry, from memory, from what waits to be written, or from disk. A promise only where the disk is slow; it never rejects. */
  get(key: string): StoreEntry<Value> | undefined | Promise<StoreEntry<Value> | undefined>;
  /** The same for one request: a body that does not stay in memory may be lent, which saves a copy. */
  borrow(key: string, now: number): StoreEntry<Value> | undefined | Promise<StoreEntry<Value> | undefined>;
  /** The same if it is in memory and was found alive in this turn of the event loop or nothing was purged since; `undefined` says nothing. Costs next to nothing.
   * @param now epoch milliseconds */
  inMemory(key: string, now: number): StoreEntry<Value> | undefined;
  /** As `get`, past the memory tier: what another process has written since. Costs a read. */
  getLatest(key: string): StoreEntry<Value> | undefined | Promise<StoreEntry<Value> | undefined>;
  /** Whether a response under the key is worth being kept, where not every one is (`admission`). Counts as a request for it. */
  admits(key: string): boolean;
  /** Whether anything at all is taken just now: not while the directory cannot be used, or storing rests after a fault of the disk. */
  readonly storing: boolean;
  /** Whether so much of bodies that come in pieces waits for the disk that `create` begins no other just now. */
  readonly crowded: boolean;
  /** Why an entry with this head and a body of so many bytes would not be taken just now; `undefined` when it would, as far as that is known before it is written.
   * @param whole its body is there; otherwise it is as long at least */
  unfit(head: EntryHead, bodyBytes: number, whole: boolean): SkipReason | undefined;
  /** Keeps an entry: visible to this process when the call returns, written behind it. False when it is not kept (bounds, faults, queue full). */
  put(head: EntryHead, body: Buffer): boolean;
  /** Begins an entry whose body comes in pieces; `undefined` when storing is paused. */
  create(key: string): EntryWriter | undefined;
  /** Whether no purge since `birth` names an entry such as this. */
  survivesPurges(entry: Pick<EntryHead, "scope" | "name" | "tags" | "birth">): boolean;
  /** The right to make the entry of a key, among all processes. `"held"`: another one is at it, `released` tells when it is over; `undefined`: nobody else is there, or no lock can be had. */
  lock(key: string, options?: LockOptions): KeyLock | "held" | undefined;
  /** Resolves when nobody holds the key any more, or the time is up. Never rejects. */
  released(key: string, timeoutMs: number): Promise<LockEnd>;
  /** Drops one entry. */
  remove(key: string): void;
  /** Ends what the selectors name, for every process that shares the directory. Resolves when no process would serve it any more; rejects with `ERR_DISKCACHE_PURGE` when it cannot be recorded. */
  purge(selectors: readonly PurgeSelector[], options: { readonly soft: boolean }): Promise<void>;
  /** Ends everything; disk space is freed behind it. */
  clear(): Promise<void>;
  stats(): StoreStats;
  /** Writes what waits, releases descriptors and timers. Idempotent. */
  close(): Promise<void>;
}

/* What the store tells its owner while it works. Nothing here carries a body or a header field. */

/** A bound that is held against the size of the file system. */
export type SpaceBound = "minFree" | "maxSize";

/** Why an entry was not kept. */
export type SkipReason =
  /** Storing rests after a fault of the disk. */
  | "paused"
  /** `maxSize`, `maxEntries` or `minFree` is reached and eviction has not caught up. */
  | "over-budget"
  /** The body is longer than `maxBody`. */
  | "body-too-long"
  /** The head is longer than the format allows. */
  | "head-too-long"
  /** More waits for the disk than is allowed to wait. */
  | "queue-full"
  /** A purge named it while it was made. */
  | "purged"
  /** Its time was over before it was kept, or its meta cannot be read back. */
  | "unusable"
  /** The file system refused. */
  | "io"
  /** The directory cannot be used, or the store is closed. */
  | "unavailable";

export type StoreEvent =
  | { readonly type: "corrupt"; readonly path: string; readonly error: DiskCacheError }
  /** `said`: it comes of something that has been told. */
  | {
      readonly type: "error";
      readonly operation: string;
      readonly code: string;
      readonly error: DiskCacheError;
      readonly said: boolean;
    }
  /** The file system cannot give what an option asks for. Told once. */
  | { readonly type: "too-small"; readonly option: SpaceBound; readonly error: DiskCacheError }
  | { readonly type: "skip"; readonly reason: SkipReason; readonly key: string }
  /** The sweep has removed files: to keep the bounds, or because they were expired or purged. */
  | { readonly type: "evict"; readonly reason: "bounds" | "dead"; readonly entries: number; readonly bytes: number }
  | { readonly type: "pause"; readonly code: string; readonly forMs: number }
  | { readonly type: "resume" }
  | { readonly type: "log-restarted"; readonly problem: string };
