/** Whether an entry is accepted at all: what is known before anything is written. A refusal is counted with its
 * reason. */
import { textHash } from "../base/recent.js";
import type { SpaceGuard } from "./bounds/space-guard.js";
import type { Sweeper } from "./bounds/sweeper.js";
import type { EntryHead, SkipReason } from "./contract.js";
import type { DiskStoreOptions } from "./disk-store-options.js";
import type { Entries } from "./entries/entries.js";
import type { Faults } from "./faults.js";
import { BLIND } from "./log/invalidation-log.js";
import type { InvalidationLog } from "./log/invalidation-log.js";
import { PURGED } from "./log/purge-marks.js";
import type { Removal } from "./removal.js";

export interface StoringDeps {
  readonly log: InvalidationLog;
  readonly faults: Faults;
  readonly sweeper: Sweeper;
  readonly guard: SpaceGuard;
  readonly removal: Removal;
  readonly entries: Pick<Entries<unknown>, "bytesOf" | "canHold" | "unreserved">;
}

export class StoringRules {
  readonly #options: Pick<DiskStoreOptions<unknown>, "maxBody" | "clock">;
  readonly #deps: StoringDeps;
  #closed = false;

  constructor(options: Pick<DiskStoreOptions<unknown>, "maxBody" | "clock">, deps: StoringDeps) {
    this.#options = options;
    this.#deps = deps;
  }

  /** Nothing is accepted any more. */
  close(): void {
    this.#closed = true;
  }

  /** Why nothing at all can be stored now. */
  now(): SkipReason | undefined {
    const { log, removal } = this.#deps;
    if (this.#closed || log.look() === BLIND || !log.writable || removal.resting) return "unavailable";
    return this.#deps.faults.storingPaused ? "paused" : undefined;
  }

  /** Asks for a place for this entry: why there is none. Where only space is lacking, some is made. */
  ask(head: EntryHead, bodyBytes: number): SkipReason | undefined {
    const refused = this.now() ?? this.#unfit(head, bodyBytes);
    if (refused !== undefined) return refused;
    const { entries, guard, sweeper } = this.#deps;
    const waiting = entries.unreserved;
    const space = { bytes: entries.bytesOf(head, bodyBytes) + waiting.bytes, entries: waiting.entries + 1 };
    sweeper.start();
    return guard.ask(space) ? undefined : "over-budget";
  }

  /** Counts the reason, and refuses. */
  refuse(reason: SkipReason, key: string): false {
    this.#deps.faults.skip(reason, key);
    return false;
  }

  #unfit(head: EntryHead, bodyBytes: number): SkipReason | undefined {
    if (bodyBytes > this.#options.maxBody) return "body-too-long";
    if (!this.#deps.entries.canHold(head)) return "head-too-long";
    if (this.#deps.log.verdict(head) === PURGED) return "purged";
    return head.expiresAt <= this.#options.clock.now() ? "unusable" : undefined;
  }
}

/* Notes for a while which keys were asked for, in a bounded amount of memory, so that what is asked for once need not
 * be stored. Forgets the oldest; never holds a key itself. */

/** How long a request counts: at least half of this, at most all. */
const WHILE_MS = 10 * 60 * 1000;
/** Keys remembered; about 2 MiB. */
const MOST_KEYS = 65_536;

export class Doorkeeper {
  readonly #elapsed: () => number;
  /** Two generations: the younger fills up, then takes the place of the older. */
  #young = new Set<number>();
  #old = new Set<number>();
  #turnedAt: number;

  /** @param elapsed milliseconds of a clock that never jumps */
  constructor(elapsed: () => number) {
    this.#elapsed = elapsed;
    this.#turnedAt = elapsed();
  }

  /** Whether the key was asked for recently; notes that it is asked for now. */
  meet(key: string): boolean {
    this.#turn();
    // When two keys have the same hash, one of them is stored early; nothing worse.
    const hash = textHash(key);
    const known = this.#young.has(hash) || this.#old.has(hash);
    this.#young.add(hash);
    return known;
  }

  #turn(): void {
    const now = this.#elapsed();
    const turns = Math.floor((now - this.#turnedAt) / (WHILE_MS / 2));
    if (turns === 0 && this.#young.size < MOST_KEYS / 2) return;
    this.#old = turns > 1 ? new Set() : this.#young;
    this.#young = new Set();
    this.#turnedAt = now;
  }
}
