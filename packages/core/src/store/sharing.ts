/** What a store and the sharing of its purges with other machines are to each other. Knows neither. */
import type { EntryHead, LogPosition, TierStats } from "./contract.js";
import type { Chain, Place } from "./log/chain.js";
import type { OwnPurge } from "./log/chain-notes.js";
import type { LeaseTerms } from "./log/lease.js";

/** What this directory knows of something that another machine made: where it would have been born here, and whether a
 * soft purge has matched it since. `"purged"`: for all machines; `"unknown"`: not to be used here. */
export type Judgement = { readonly birth: LogPosition; readonly soft: boolean } | "purged" | "unknown";

/** A directory, as the sharing of its purges sees it. */
export interface SharedDirectory {
  readonly chain: Chain;
  /** Reads what is new in the log, and tells whether the log can be used. */
  look(): boolean;
  /** Appends notes to the log.
   * @throws Node's own error, `DiskCacheError` */
  note(notes: readonly string[]): void;
  /** What the log says now, checked again, of something that was begun elsewhere at this place of the chain. */
  judge(place: Place, entry: Pick<EntryHead, "scope" | "name" | "tags">): Judgement;
  /** Milliseconds since nothing was missing of what other machines have purged. */
  contactAgeMs(): number;
  /** Whether no other process seems to have the directory open. */
  readonly alone: boolean;
  /** The name of the directory among machines. */
  machine(): string;
  changeMachine(from: string): void;
  /** Which process passes purges on, for all of them. */
  readonly relay: { take(): boolean; readonly held: boolean; release(): void };
}

/** Purges that were recorded in a directory on their way to other machines. */
export interface Sharing {
  /** Resolves when no machine answers with what they name.
   * @throws {DiskCacheError} rejects with `ERR_DISKCACHE_PURGE` when that is not known in time */
  publish(purges: readonly OwnPurge[]): Promise<void>;
  stats(): TierStats;
  close(): Promise<void>;
}

/** Begins to share the purges of a directory. */
export interface ShareOptions {
  readonly lease: LeaseTerms;
  open(directory: SharedDirectory): Sharing;
}
