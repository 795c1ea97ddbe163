/** What an engine has to do for machines that share their purges: keep one chain of records, and a list of the machines
 * that read it. Every call may fail and may never settle; its caller gives it a deadline and then gives the connection
 * up. */
import type { Duration, Size } from "../base/units.js";
import type { Stand } from "../store/log/chain-notes.js";
import type { CutOff } from "../store/log/lease.js";

/** A record as the engine keeps it: what it says is the machines' own. */
export interface KeptRecord extends Stand {
  /** The mark of the record before it. */
  readonly before: string;
  readonly text: string;
}

/** How a machine shows that it is there, and asks what it lacks. */
export interface BeatQuestion {
  /** The name of the machine. */
  readonly machine: string;
  /** Where it stands. */
  readonly stand: Stand;
  /** Differs with each beat, so that a machine that is taken for missing can be told from one that has come back. */
  readonly token: string;
  /** The run of a server with which the machine has had contact for a lease; `""` for none. */
  readonly steady: string;
  /** For so long a machine is noted as missing when another run becomes steady than the one before: it may have lost
   * machines that are cut off. Not for the first run of a chain that began at its first record. */
  readonly absenceMs: number;
}

export interface Beat {
  /** `"ok"`: the mark at the machine's number is its own. `"absent"`: there is no chain. `"behind"`: it begins later.
   * `"diverged"`: it is another one from some record on. Only with `"ok"` the machine is listed. */
  readonly state: "ok" | "absent" | "behind" | "diverged";
  /** Number of the newest record. */
  readonly last: number;
  /** What comes after the machine's stand, in order; not necessarily all of it. */
  readonly records: readonly KeptRecord[];
  /** Which run of the server answered, with which list of machines: another one after a restart, on another server, and
   * when the list was lost. `""` where that is not known. */
  readonly run: string;
  /** The run that some machine has called steady. */
  readonly steady: string;
  /** What the machine was listed with before: number and token. `undefined` when it was not. */
  readonly before: { readonly number: number; readonly token: string } | undefined;
  /** How many machines are listed. */
  readonly machines: number;
}

/** Where records have been put, and who has to take them over. */
export interface Appended {
  readonly first: number;
  readonly last: number;
  /** Each machine that is listed, and what with: its number, and its token behind it. */
  readonly machines: ReadonlyMap<string, string>;
  /** A machine has been taken for missing a while ago, and may still be out there. */
  readonly missing: boolean;
  readonly run: string;
  readonly steady: string;
}

export interface Confirmed {
  readonly run: string;
  /** Whether the record with this mark is at its number. */
  readonly there: boolean;
  /** What each machine is listed with, `undefined` for one that is not. */
  readonly machines: ReadonlyMap<string, string | undefined>;
}

/** A connection to an engine. Nothing that is sent is queued while there is none, or sent again. */
export interface EngineConnection {
  beat(question: BeatQuestion): Promise<Beat>;
  /** Resolves when there may be a record behind this number, or the time is up. One at a time. */
  sleep(number: number, ms: number): Promise<void>;
  /** Puts records at the end of the chain, in one step; `"absent"` when there is no chain. */
  append(
    machine: string,
    records: readonly { readonly mark: string; readonly text: string }[],
  ): Promise<Appended | "absent">;
  confirm(stand: Stand, machines: readonly string[]): Promise<Confirmed>;
  /** Takes machines from the list that are still listed with the same, and notes for so long that one is missing. */
  giveUp(machines: ReadonlyMap<string, string>, forMs: number): Promise<void>;
  /** Begins the chain again behind `stand`, with the records before it that are known; nothing happens where there is a
   * chain. */
  found(machine: string, stand: Stand, mark: string, recent: readonly KeptRecord[]): Promise<void>;
  /** The newest record; `undefined` when there is no chain. */
  last(): Promise<Stand | undefined>;
  /** Records from this number on, in order; not necessarily all of them. */
  records(from: number): Promise<readonly KeptRecord[]>;
  /** The machine is not listed any more, if it still is with a token of this beginning. */
  leave(machine: string, token: string): Promise<void>;
  close(): void;
}

/** How purges are shared. Durations in seconds, or as "5s". */
export interface TierSettings {
  /** How long a machine may go on without hearing from the engine; the longest that a purge waits for one.
   * @default "5s" */
  readonly lease?: Duration;
  /** What a machine does that has not heard from the engine for a lease: `"young"` answers with pages that are younger
   * than a lease, `"stale"` with others as if they were softly purged, `"serve"` with all of them, although they may
   * have been purged elsewhere, and `"nothing"` with none.
   * @default "young" */
  readonly whenCutOff?: CutOff;
  readonly purge?: {
    /** When `purge()` resolves: when no machine answers with what it named, or when the engine has recorded it.
     * @default "everywhere" */
    readonly wait?: "everywhere" | "recorded";
    /** `purge()` rejects after this long; it is still delivered as soon as that is possible.
     * @default "15s" */
    readonly timeout?: Duration;
  };
  /** For how long purges go on waiting a lease each after a machine has gone missing: it may still be out there, cut
   * off.
   * @default "1m" */
  readonly absence?: Duration;
}

/** A page as an engine keeps it. */
export interface KeptPage {
  readonly bytes: Buffer;
  /** For how many milliseconds still. */
  readonly leftMs: number;
}

/** A connection to an engine that keeps pages, under names of 64 hexadecimal digits, for a while or until it needs the
 * memory. Nothing that is sent is queued while there is none, or sent again. */
export interface PagesConnection {
  get(name: string): Promise<KeptPage | undefined>;
  /** Keeps it for so many milliseconds. `"older"`: what is kept was begun later, which the eight bytes behind the first
   * eight say, compared as they are. `"full"`: the engine has no memory for it. */
  put(name: string, bytes: Buffer, forMs: number): Promise<"kept" | "older" | "full">;
  /** Keeps nothing under the name any more, if what is kept begins so. */
  drop(name: string, beginning: Buffer): Promise<void>;
  /** Whether the engine has so many pieces of a long page. */
  hasPieces(name: string, token: string, count: number): Promise<boolean>;
  piece(name: string, token: string, index: number): Promise<Buffer | undefined>;
  putPiece(name: string, token: string, index: number, bytes: Buffer, forMs: number): Promise<"kept" | "full">;
  /** Takes the lock of a page for so long, where none holds it.
   * @returns `""` when it is taken, otherwise the token of its holder */
  lock(name: string, token: string, forMs: number): Promise<string>;
  /** Holds it for so long from now on, if it is still held with this token. */
  renewLock(name: string, token: string, forMs: number): Promise<void>;
  unlock(name: string, token: string): Promise<void>;
  /** For how many milliseconds it is still held; 0 or less when it is not. */
  lockLeft(name: string): Promise<number>;
  close(): void;
}

/** Which pages are shared. */
export interface PagesSettings {
  /** Longest body.
   * @default "8mb" */
  readonly maxEntry?: Size;
  /** How long the engine keeps a page at most; never longer than it can be used.
   * @default "1d" */
  readonly maxAge?: Duration;
  /** How long a request waits for the engine at most, where the page is not on disk.
   * @default 0.1 */
  readonly timeout?: Duration;
  /** Also pages that belong to a `partition`.
   * @default false */
  readonly partitions?: boolean;
}

/** An engine, and how purges and pages are shared over it: the option `tier`. */
export interface Tier {
  readonly settings: TierSettings;
  /** Rejects when there is no connection in time. */
  connect(): Promise<EngineConnection>;
  /** Pages are shared, too. */
  readonly pages?: {
    readonly settings: PagesSettings;
    /** A page is rendered by one machine at a time. */
    readonly locks: boolean;
    /** Rejects when there is no connection in time. */
    connect(): Promise<PagesConnection>;
  };
}
