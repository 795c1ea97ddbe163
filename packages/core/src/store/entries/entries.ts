/** What the store needs of that which holds its entries, and the sweep of the units they lie in: the only way to them.
 * Today each entry is a file; nothing beyond this folder knows that. */
import type { MaybeAsync } from "../../base/async.js";
import type { EntryHead, EntryWriter, StoreEntry } from "../contract.js";
import type { StoredEntry } from "./stored-entry.js";

/** What something changed in the directory. */
export interface UsageChange {
  /** Allocated bytes, less those of what was replaced. */
  readonly bytes: number;
  readonly entries: number;
}

/** Space on the disk for one entry, reserved before anything is written. */
export interface Reservation {
  /** Reserves space for this many bytes in total; false when there is none. */
  grow(bytes: number): boolean;
  /** This many bytes in total are on disk now; by default all that was reserved. */
  written(bytes?: number): void;
  /** What was written is counted from now on, or nothing was written. Idempotent. */
  giveBack(): void;
}

/** Entries under keys. */
export interface Entries<Value> {
  readonly units: EntryUnits;
  /** What is on disk under the key, complete and verified. Whether it may be used, the owner says.
   * @param lend whether the body may be lent */
  read(key: string, lend: boolean): MaybeAsync<StoreEntry<Value> | undefined>;
  /** What the key will have once everything is written; `undefined` when nothing for it waits. */
  waiting(key: string): StoredEntry<Value> | typeof REMOVED | undefined;
  /** What is being committed under the key: written, and not named yet. */
  unnamed(key: string): StoredEntry<Value> | undefined;
  /** Whether something is on disk under the key, whatever its content. */
  has(key: string): boolean;
  /** Whether an entry with this head can be stored at all. */
  canHold(head: EntryHead): boolean;
  /** Bytes that an entry takes on disk, roughly. */
  bytesOf(head: EntryHead, bodyBytes: number): number;
  /** Whether this much more may wait to be written. */
  takes(bytes: number): boolean;
  /** Writes the entry when the event loop comes round. False when too much waits. */
  put(entry: StoredEntry<Value>): boolean;
  /** Begins an entry whose body comes in pieces. */
  create(key: string): EntryWriter;
  /** Whether too much waits for the disk to begin another one. */
  readonly crowded: boolean;
  remove(key: string): void;
  /** Notes that it was used. Both times in epoch milliseconds. */
  touch(key: string, expiresAt: number, usedAt: number): void;
  /** Entries that are not on disk yet. */
  readonly pending: number;
  /** What those take for which no space is reserved yet. */
  readonly unreserved: UsageChange;
  /** Whether one under the key is not on disk yet. */
  isPending(key: string): boolean;
  /** Resolves when nothing for the key waits for the disk any more: it is written, or given up. */
  written(key: string): Promise<void>;
  /** The same for every key. */
  flushed(): Promise<void>;
  /** Leaves nothing behind of the entries that are still being made. Resolves when no work is under way for them. */
  abort(): Promise<void>;
  close(): void;
}

/** The key is to have no entry. */
export const REMOVED = "removed";

/** Entries are spread over units, by hash. */
export interface EntryUnits {
  readonly count: number;
  /** What lies in a unit, one find after the other; `undefined` for what is gone meanwhile. Changes nothing. */
  scan(unit: number): Iterable<Find | undefined>;
  /** Names of what dead processes have left outside of all units. */
  litter(): Iterable<string>;
  /** The verified head of an entry that was found; `undefined` when there is no usable entry: then it is removed. */
  head(id: string): FoundHead | undefined;
  /** The verified heads in a unit. */
  heads(unit: number): readonly FoundHead[];
  /** Removes what was found. `"gone"`: another process has removed it; `"kept"`: it cannot be removed. */
  drop(id: string): "dropped" | "gone" | "kept";
  /** Removes what a unit without entries takes itself. False when something lies in it. */
  dropUnit(unit: number): boolean;
}

export type Find =
  | {
      readonly kind: "entry";
      readonly id: string;
      readonly bytes: number;
      /** Hints: where they cannot be written down, when it was made. Epoch milliseconds. */
      readonly expiresAt: number;
      readonly usedAt: number;
    }
  /** Left by a dead process. */
  | { readonly kind: "litter"; readonly id: string }
  /** Stays. Its bytes count when nothing else counts them. */
  | { readonly kind: "other"; readonly bytes: number }
  /** The unit itself. */
  | { readonly kind: "unit"; readonly bytes: number };

export interface FoundHead {
  readonly head: EntryHead;
  /** Of the invalidation log in which `head.birth` counts. */
  readonly epoch: number;
}
