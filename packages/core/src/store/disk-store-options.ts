/** Options of a store on disk. Every value is resolved already: no defaults here. */
import type { Clock } from "../base/clock.js";
import type { EntryHead, SpaceBound, StoreEvent } from "./contract.js";
import type { FileSystem } from "./file-system.js";
import type { ShareOptions } from "./sharing.js";

export interface DiskStoreOptions<Value> {
  /** Absolute, or from the working directory at construction. */
  readonly dir: string;
  /** Bound of the memory tier; 0 turns it off. */
  readonly memoryBytes: number;
  /** Allocated bytes on disk; `Infinity` for no bound. */
  readonly maxSize: number;
  readonly maxEntries: number;
  /** The share of these bounds at which eviction stops; nine tenths by default and at most. */
  readonly evictTo?: number | undefined;
  /** The share of `maxEntries` above which eviction begins; a little below the bound by default. */
  readonly evictAbove?: number | undefined;
  /** Bytes that stay free on the file system, and the same share of its inodes; 0 for no bound. */
  readonly minFree: number;
  /** Those of `minFree` and `maxSize` that are only defaults: they give way to a small file system. For the others it
   * is reported. */
  readonly unasked?: readonly SpaceBound[] | undefined;
  /** Longest body. */
  readonly maxBody: number;
  /** `"fsync"` flushes entries and purges to the device before they count as stored or recorded. */
  readonly durability: "none" | "fsync";
  /** A lookup waits for a slow disk without limit. Otherwise it is a miss after a quarter of a second. */
  readonly patient?: boolean;
  /** `"second-request"`: a key that is not stored yet is admitted when it is asked for a second time within some
   * minutes. By default every key is. */
  readonly admission?: "always" | "second-request";
  /** The cache is switched off: nothing is read or stored, so the directory is not checked. Only purges are recorded,
   * for other processes that share it. */
  readonly idle?: boolean;
  /** Checks the directory at construction. */
  readonly strict: boolean;
  /** Accepts a directory under a name such as `public`. */
  readonly allowPublicDir: boolean;
  /** Entries are sealed with the first of these, and those sealed with any of them are accepted; without it, entries
   * without a seal are. */
  readonly secrets?: readonly Buffer[] | undefined;
  /** Entries are encrypted as well. */
  readonly encrypt?: boolean;
  /** Other machines learn of its purges, and it of theirs. */
  readonly sharing?: ShareOptions | undefined;
  readonly clock: Clock;
  /** What `head.meta` means to the owner; may throw: then the entry is damaged. */
  readonly decode: (head: EntryHead) => Value;
  /** Memory that a decoded value takes beyond its head. */
  readonly valueBytes?: (value: Value) => number;
  readonly observe?: (event: StoreEvent) => void;
  /** For tests: file system calls, and milliseconds of a clock that never jumps. */
  readonly fs?: FileSystem;
  readonly elapsed?: () => number;
}
