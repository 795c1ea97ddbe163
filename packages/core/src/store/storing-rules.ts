/** Whether an entry is taken at all: what is known before anything is written. A refusal is counted with its reason. */
import { blocksFor } from "./entries/atomic-file.js";
import type { Caretaker } from "./bounds/caretaker.js";
import type { EntryHead } from "./contract.js";
import type { DiskStoreOptions } from "./disk-store-options.js";
import type { SkipReason } from "./events.js";
import type { Faults } from "./faults.js";
import { PREAMBLE_BYTES, headFits } from "./entries/format.js";
import { BLIND } from "./log/invalidation-log.js";
import type { InvalidationLog } from "./log/invalidation-log.js";
import { PURGED } from "./log/purge-marks.js";
import { MAX_TAG_BYTES } from "./entries/seal.js";

export interface StoringSurroundings {
  readonly log: InvalidationLog;
  readonly faults: Faults;
  readonly caretaker: Caretaker;
  /** Entries and bytes that wait to be written already. */
  readonly waiting: () => { readonly size: number; readonly bytes: number };
}

export class StoringRules {
  readonly #options: Pick<DiskStoreOptions<unknown>, "maxBody" | "clock" | "secrets">;
  readonly #around: StoringSurroundings;
  #closed = false;

  constructor(options: Pick<DiskStoreOptions<unknown>, "maxBody" | "clock" | "secrets">, around: StoringSurroundings) {
    this.#options = options;
    this.#around = around;
  }

  /** Nothing is taken any more. */
  close(): void {
    this.#closed = true;
  }

  /** Why nothing at all can be stored just now. */
  now(): SkipReason | undefined {
    if (this.#closed || this.#around.log.look() === BLIND || !this.#around.log.writable) return "unavailable";
    return this.#around.faults.storingPaused ? "paused" : undefined;
  }

  /** Why this entry cannot be stored. */
  entry(head: EntryHead, bodyBytes: number): SkipReason | undefined {
    const refused = this.now() ?? this.#unfit(head, bodyBytes);
    if (refused !== undefined) return refused;
    const { size, bytes } = this.#around.waiting();
    const room = { bytes: allocated(head, bodyBytes) + bytes, entries: size + 1 };
    return this.#around.caretaker.admits(room) ? undefined : "over-budget";
  }

  /** Counts why, and says no. */
  refuse(reason: SkipReason, key: string): false {
    this.#around.faults.skip(reason, key);
    return false;
  }

  #unfit(head: EntryHead, bodyBytes: number): SkipReason | undefined {
    if (bodyBytes > this.#options.maxBody) return "body-too-long";
    if (!headFits(head, this.#options.secrets === undefined ? 0 : MAX_TAG_BYTES)) return "head-too-long";
    if (this.#around.log.verdict(head) === PURGED) return "purged";
    return head.expiresAt <= this.#options.clock.now() ? "unusable" : undefined;
  }
}

/** Bytes that an entry takes on disk, about. */
export function allocated(head: EntryHead, bodyBytes: number): number {
  return blocksFor(PREAMBLE_BYTES + head.key.length + head.meta.length + bodyBytes);
}
