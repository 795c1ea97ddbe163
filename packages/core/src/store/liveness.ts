/** Whether an entry may still be used: what the invalidation log and the clock say of it. Touches no entry's file,
 * removes nothing. */
import type { Clock } from "../base/clock.js";
import type { Entries, FoundHead } from "./entries/entries.js";
import { BLIND } from "./log/invalidation-log.js";
import type { InvalidationLog } from "./log/invalidation-log.js";
import { PURGED, SOFT_PURGED } from "./log/purge-marks.js";
import type { Purgeable } from "./log/purge-marks.js";
import { TOUCH_INTERVAL_MS } from "./entries/recency.js";
import type { StoredEntry } from "./entries/stored-entry.js";

/** An entry made later than now by more than this comes from a clock that was wrong: its age is unknown. */
const CLOCK_SKEW_MS = 2_000;

export class Liveness {
  readonly #log: InvalidationLog;
  readonly #clock: Clock;
  readonly #entries: Pick<Entries<unknown>, "touch">;

  constructor(log: InvalidationLog, clock: Clock, entries: Pick<Entries<unknown>, "touch">) {
    this.#log = log;
    this.#clock = clock;
    this.#entries = entries;
  }

  /** Whether no purge since its birth matches it. */
  survivesPurges(entry: Purgeable): boolean {
    this.#log.look();
    return this.#log.verdict(entry) !== PURGED;
  }

  /** Whether log and clock leave the entry valid in this view of the log, and the machine has heard enough of others to
   * say so. */
  check(entry: StoredEntry<unknown>, view: number): boolean {
    const verdict = this.#log.verdict(entry.head);
    if (verdict === PURGED) return false;
    const confirmation = this.#log.confirm(entry.head.birth);
    if (confirmation === "unconfirmed") return false;
    entry.softPurged = verdict === SOFT_PURGED || confirmation === "stale";
    entry.checkedView = view;
    return this.inTime(entry);
  }

  /** Whether the clock alone leaves it valid. Checked at every use, so a use is noted here. */
  inTime(entry: StoredEntry<unknown>, now = this.#clock.now()): boolean {
    if (Math.abs(now - entry.touchedAt) >= TOUCH_INTERVAL_MS) {
      entry.touchedAt = now;
      this.#entries.touch(entry.head.key, entry.head.expiresAt, now);
    }
    return this.#isNow(entry.head, now);
  }

  /** For the sweep: while the log cannot be read, no entry is known to be invalid. */
  usable({ head, epoch }: FoundHead): boolean {
    if (this.#log.look() === BLIND) return true;
    return epoch === this.#log.epoch && this.#isNow(head, this.#clock.now()) && this.#log.verdict(head) !== PURGED;
  }

  #isNow({ expiresAt, storedAt }: { readonly expiresAt: number; readonly storedAt: number }, now: number): boolean {
    return expiresAt > now && storedAt <= now + CLOCK_SKEW_MS;
  }
}
