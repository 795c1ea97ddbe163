/** What the records of the invalidation log say, read one after the other: what has been purged, and where the
 * directory stands among machines that share purges. Never touches a file. */
import type { LogPosition } from "../contract.js";
import { Chain } from "./chain.js";
import type { Note } from "./chain-notes.js";
import type { LogReader } from "./log-generation.js";
import type { NoteRecord, PurgeRecord } from "./log-record.js";
import { PurgeMarks } from "./purge-marks.js";
import type { Mark, Purgeable, Verdict } from "./purge-marks.js";
import { ALIVE } from "./purge-marks.js";

export interface ContentDeps {
  /** Everything was purged, by this process or another. */
  readonly allPurged: () => void;
  readonly restarted: (problem: string) => void;
  /** Epoch of the log that is read. */
  readonly epoch: () => number;
}

export class LogContent implements LogReader {
  readonly chain = new Chain();
  readonly #marks = new PurgeMarks();
  readonly #deps: ContentDeps;
  /** Grows with every purge. */
  #purges = 0;
  #awaitedNonce = -1;
  #awaitedSeen = false;

  constructor(deps: ContentDeps) {
    this.#deps = deps;
  }

  /** Grows with every purge that is read. */
  get purges(): number {
    return this.#purges;
  }

  get size(): number {
    return this.#marks.size;
  }

  verdict(head: Purgeable): Verdict {
    return this.#marks.size === 0 ? ALIVE : this.#marks.verdict(head);
  }

  /** The next record that is waited for: the one with this nonce. */
  await(nonce: number): void {
    this.#awaitedNonce = nonce;
    this.#awaitedSeen = false;
  }

  /** Whether the record that was waited for has been read. */
  get found(): boolean {
    return this.#awaitedSeen;
  }

  /** Every purge at or after `floor` that still decides, oldest first. */
  marksFrom(floor: LogPosition): Mark[] {
    return this.#marks.from(floor);
  }

  notes(): Note[] {
    return this.chain.snapshot();
  }

  /** Nothing born before `floor` is valid. */
  forgetBefore(floor: LogPosition): void {
    this.#marks.forgetBefore(floor);
  }

  clear(): void {
    this.#marks.clear();
    this.chain.clear();
  }

  purge(record: PurgeRecord, position: LogPosition): void {
    this.#read(record.nonce);
    this.#add(record, position);
    // In a snapshot it has a position of its own, and was read before.
    if (record.position === undefined && !record.local) this.chain.purged(record, position, this.#deps.epoch());
  }

  note(record: NoteRecord, position: LogPosition): void {
    this.#read(record.nonce);
    const purge = this.chain.read(record.text, position);
    if (purge !== undefined) this.#add(purge, position);
  }

  damage(position: LogPosition): void {
    this.#purges++;
    this.#marks.add({ kind: "all" }, false, position);
    this.#deps.restarted("a record is damaged: what was made before it counts as purged");
  }

  #read(nonce: number): void {
    if (nonce === this.#awaitedNonce) this.#awaitedSeen = true;
  }

  #add({ selector, soft }: Pick<PurgeRecord, "selector" | "soft">, position: LogPosition): void {
    this.#purges++;
    this.#marks.add(selector, soft, position);
    if (selector.kind === "all" && !soft) this.#deps.allPurged();
  }
}
