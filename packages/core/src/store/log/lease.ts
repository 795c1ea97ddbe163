/** How long a machine that shares its purges may go on unheard: for one lease after its last contact it answers with
 * everything it has, and afterwards only with what was begun less than a lease ago. So one lease after a purge was
 * recorded, no machine answers with what it named. Reads clocks, and never the log. */
import type { Chain } from "./chain.js";
import type { LogPosition } from "../contract.js";

/** What a machine without contact does with pages that may have been purged elsewhere: answers with the youngest only,
 * with the others as if they were softly purged, with all of them, or with none. */
export type CutOff = "young" | "stale" | "serve" | "nothing";

export interface LeaseTerms {
  readonly leaseMs: number;
  readonly whenCutOff: CutOff;
  /** Which boot of the machine this is: moments of another one do not count. */
  readonly boot: string;
  /** Milliseconds of the steady clock that all processes of the machine share. */
  readonly steady: () => number;
  /** Epoch milliseconds of the machine: the steady clock may stop while the machine sleeps. */
  readonly wall: () => number;
}

/** What may be done with an entry that no known purge has matched. */
export type Confirmation = "valid" | "stale" | "unconfirmed";

export class Lease {
  readonly #terms: LeaseTerms;
  readonly #chain: Chain;
  #contactMs = -Infinity;
  #learnedAt = { steady: 0, wall: 0 };

  constructor(terms: LeaseTerms, chain: Chain) {
    this.#terms = terms;
    this.#chain = chain;
  }

  /** Milliseconds since nothing was missing; `Infinity` when that was never. */
  contactAgeMs(): number {
    const { boot, steady, wall } = this.#terms;
    const { contact } = this.#chain;
    if (contact?.boot !== boot) return Infinity;
    const now = steady();
    if (contact.atMs !== this.#contactMs) {
      this.#contactMs = contact.atMs;
      this.#learnedAt = { steady: now, wall: wall() };
    }
    const { steady: since, wall: sinceWall } = this.#learnedAt;
    return Math.max(now - since, wall() - sinceWall) + since - contact.atMs;
  }

  /** Whether the machine has to be taken for cut off. */
  get over(): boolean {
    return this.contactAgeMs() > this.#terms.leaseMs;
  }

  /** What a machine that is cut off may do with what was born at this position. */
  confirm(birth: LogPosition): Confirmation {
    const { boot, leaseMs, steady, whenCutOff } = this.#terms;
    if (whenCutOff === "serve") return "valid";
    if (whenCutOff === "nothing") return "unconfirmed";
    const tick = this.#chain.tickSince({ atMs: steady() - leaseMs, boot });
    if (tick !== undefined && birth > tick) return "valid";
    return whenCutOff === "stale" ? "stale" : "unconfirmed";
  }
}
