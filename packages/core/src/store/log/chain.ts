/** What a directory remembers of the purges that machines share. They form one chain: each of its records has a number,
 * a random mark, and the mark of the record before it. Built from the notes in the invalidation log, so that every
 * process of the machine knows the same. Never touches a file, a clock, or the engine that holds the chain. */
import { hash } from "node:crypto";
import type { LogPosition } from "../contract.js";
import { PurgeMarks } from "./purge-marks.js";
import type { Purgeable, Verdict } from "./purge-marks.js";
import {
  ALL,
  contactNote,
  fitting,
  noteOf,
  ownMarkOf,
  ownNote,
  purgeFields,
  purgeIn,
  recordIn,
  recordNote,
  relayNote,
  SHARES_NOTE,
  standNote,
  stoodNote,
  tickNote,
} from "./chain-notes.js";
import type { ChainPurge, ChainRecord, Moment, Note, OwnPurge, Stand } from "./chain-notes.js";

/** Records of the chain that are remembered at least, and not twice as many: what is found to be lost further back is a
 * cold start. */
const MOST_KNOWN = 2_048;
/** Purges that wait for the chain. Beyond that they become one purge of everything. */
const MOST_OWN = 20_000;
const MOST_TICKS = 64;
const MOST_RELAYS = 8;

interface Tick extends Moment {
  readonly position: LogPosition;
}

/** Since when the directory has stood there. */
export interface Place extends Stand {
  readonly position: LogPosition;
}

export class Chain {
  #shares = false;
  #stand: Stand | undefined = undefined;
  /** By number, oldest first. */
  readonly #known = new Map<number, ChainRecord>();
  readonly #knownMarks = new Map<string, number>();
  /** Where the directory has stood lately, one number after the other. */
  #places: Place[] = [];
  /** What the known records purge, each from where it was taken over, also those that were purged here before. */
  readonly #marks = new PurgeMarks();
  /** By what is purged: of two purges of the same, the newer one is enough. */
  readonly #own = new Map<string, OwnPurge>();
  readonly #ownMarks = new Map<string, string>();
  #ticks: Tick[] = [];
  #contact: Moment | undefined = undefined;
  #relays: string[] = [];
  #beats = 0;
  #collected: OwnPurge[] | undefined = undefined;

  /** Whether its purges are for other machines, too. */
  get shares(): boolean {
    return this.#shares;
  }

  /** The tokens under which processes have passed purges on lately. */
  get relays(): readonly string[] {
    return this.#relays;
  }

  /** `undefined` for a directory that has not joined yet. */
  get stand(): Stand | undefined {
    return this.#stand;
  }

  /** The newest moment at which nothing was missing. */
  get contact(): Moment | undefined {
    return this.#contact;
  }

  /** Grows with each sign of life of a relay. */
  get beats(): number {
    return this.#beats;
  }

  get known(): IterableIterator<ChainRecord> {
    return this.#known.values();
  }

  at(number: number): ChainRecord | undefined {
    return this.#known.get(number);
  }

  /** Where the directory stood when something was begun that was born at this position; `undefined` when that is not
   * known any more. */
  standAt(birth: LogPosition): Stand | undefined {
    return this.#places.findLast(({ position }) => position < birth);
  }

  /** Since when the directory has stood at this number. */
  placeAt(number: number): Place | undefined {
    const place = this.#places[number - (this.#places[0]?.number ?? 0)];
    return place?.number === number ? place : undefined;
  }

  /** What the known records say of it that were taken over at or after its birth. */
  verdict(entry: Purgeable): Verdict {
    return this.#marks.verdict(entry);
  }

  /** Purges of this directory that have not come back along the chain. */
  get own(): IterableIterator<OwnPurge> {
    return this.#own.values();
  }

  get ownCount(): number {
    return this.#own.size;
  }

  /** The position of the oldest tick at or after the moment: what was born behind it is younger. */
  tickSince({ atMs, boot }: Moment): LogPosition | undefined {
    return this.#ticks.find((tick) => tick.boot === boot && tick.atMs >= atMs)?.position;
  }

  /** A purge was recorded in this directory. */
  purged(purge: ChainPurge & { readonly nonce: number }, position: LogPosition, epoch: number): void {
    if (!this.#shares) return;
    const { selector, soft } = fitting(purge);
    const own = { selector, soft, position, mark: markOf(epoch, position, purge.nonce) };
    this.#add(own);
    this.#collected?.push(own);
  }

  /** The purges of this directory that are read while `work` goes on. */
  ownDuring(work: () => void): readonly OwnPurge[] {
    const collected: OwnPurge[] = [];
    this.#collected = collected;
    try {
      work();
      return collected;
    } finally {
      this.#collected = undefined;
    }
  }

  /** A note was read. What it cannot understand changes nothing.
   * @returns what is purged by it, at its position */
  read(text: string, position: LogPosition): ChainPurge | undefined {
    const note = noteOf(text);
    switch (note[0]) {
      case "taken":
        return this.#take(recordIn(note), position);
      case "at":
        return this.#move(note, position);
      case "shares":
        this.#shares = true;
        return undefined;
      case "relay":
        this.#beats++;
        this.#relays = [...this.#relays.slice(1 - MOST_RELAYS), String(note[1])];
        return undefined;
      case "left":
        this.#contact = undefined;
        return undefined;
      case "contact":
      case "tick":
        return this.#beat(note, position);
      case "known":
        this.#remember(recordIn(note), position);
        return undefined;
      case "stood":
        this.#stood({ number: Number(note[1]), mark: String(note[2]), position });
        return undefined;
      case "own":
        this.#add({ ...purgeIn(note.slice(2))!, mark: String(note[1]), position });
        return undefined;
      default:
        return undefined;
    }
  }

  /** Everything, as notes for a log that continues this one. */
  snapshot(): Note[] {
    const plain = (text: string): Note => ({ text, position: undefined });
    const stand = this.#stand === undefined ? [] : [standNote(this.#stand, undefined, false)];
    const contact = this.#contact === undefined ? [] : [contactNote(this.#contact)];
    const places = this.#places.slice(-MOST_KNOWN).map((place): Note => {
      const record = this.#known.get(place.number);
      return { text: record === undefined ? stoodNote(place) : recordNote("known", record), position: place.position };
    });
    return [
      ...[...(this.#shares ? [SHARES_NOTE] : []), ...stand].map(plain),
      ...places,
      ...[...this.#own.values()].map((own) => ({ text: ownNote(own), position: own.position })),
      ...this.#ticks.map((tick) => ({ text: tickNote(tick), position: tick.position })),
      ...[...this.#relays.map(relayNote), ...contact].map(plain),
    ];
  }

  clear(): void {
    this.#shares = false;
    this.#stand = undefined;
    this.#relays = [];
    this.#known.clear();
    this.#knownMarks.clear();
    this.#places = [];
    this.#marks.clear();
    this.#forgetAllOwn();
    this.#ticks = [];
    this.#contact = undefined;
  }

  // Two relays may take over the same record: it counts once, and where it continues what is known.
  #take(record: ChainRecord, position: LogPosition): ChainPurge | undefined {
    const stand = this.#stand;
    if (stand === undefined || record.number !== stand.number + 1 || record.before !== stand.mark) return undefined;
    this.#stand = { number: record.number, mark: record.mark };
    // It was purged here already: by the purge that made it, or when it came along a chain that was lost.
    const own = ownMarkOf(record.mark);
    const done = this.#forgetOwn(own) || this.#knownMarks.has(own);
    this.#remember(record, position);
    return done ? undefined : record.purge;
  }

  #move(note: readonly unknown[], position: LogPosition): ChainPurge | undefined {
    const [, number, mark, fromNumber, fromMark, cold] = note;
    const from = this.#stand;
    if (from !== undefined && (fromNumber !== from.number || fromMark !== from.mark)) return undefined;
    this.#stand = { number: Number(number), mark: String(mark) };
    this.#places = cold === 1 ? [] : this.#places.filter((place) => place.number <= Number(number));
    // In a snapshot, the places come behind it, with the positions that they had.
    if (from !== undefined || cold === 1) this.#stood({ ...this.#stand, position });
    // What was on a part of the chain that is lost, has to be put on it again.
    for (const record of this.#known.values()) {
      if (record.number <= this.#stand.number && cold !== 1) continue;
      this.#known.delete(record.number);
      if (cold !== 1 && record.purge !== undefined) this.#addAgain(record.purge, ownMarkOf(record.mark), position);
      else this.#knownMarks.delete(ownMarkOf(record.mark));
    }
    return cold === 1 ? { selector: ALL, soft: false } : undefined;
  }

  #beat([kind, at, boot]: readonly unknown[], position: LogPosition): undefined {
    const moment = { atMs: Number(at), boot: String(boot) };
    this.#beats++;
    if (kind === "tick") {
      this.#ticks = [...this.#ticks.slice(1 - MOST_TICKS), { ...moment, position }];
    } else if (this.#contact?.boot !== moment.boot || moment.atMs >= this.#contact.atMs) {
      this.#contact = moment;
    }
  }

  #remember(record: ChainRecord, position: LogPosition): void {
    this.#known.set(record.number, record);
    this.#knownMarks.set(ownMarkOf(record.mark), record.number);
    this.#stood({ number: record.number, mark: record.mark, position });
    if (record.purge !== undefined) this.#marks.add(record.purge.selector, record.purge.soft, position);
  }

  #stood(place: Place): void {
    // The directory may have come back to where it stood before.
    if (this.placeAt(place.number)?.mark === place.mark) return;
    if (this.#places.at(-1)?.number !== place.number - 1) this.#places = [];
    this.#places.push(place);
    if (this.#places.length < MOST_KNOWN * 2) return;
    const [oldest] = (this.#places = this.#places.slice(-MOST_KNOWN));
    this.#marks.forgetBefore(oldest!.position);
    for (const record of this.#known.values()) {
      if (record.number >= oldest!.number) return;
      this.#known.delete(record.number);
      const own = ownMarkOf(record.mark);
      if (this.#knownMarks.get(own) === record.number) this.#knownMarks.delete(own);
    }
  }

  #add(own: OwnPurge): void {
    this.#put(own);
    if (this.#own.size <= MOST_OWN) return;
    this.#forgetAllOwn();
    this.#put({ ...own, selector: ALL, soft: false });
  }

  // Another purge of the same that waits may be newer. Both become one that no machine can have seen.
  #addAgain(purge: ChainPurge, mark: string, position: LogPosition): void {
    const waiting = this.#own.get(JSON.stringify(purgeFields(purge)));
    this.#add({ ...purge, mark: waiting === undefined ? mark : hashed(`${waiting.mark}:${mark}`), position });
  }

  #put(own: OwnPurge): void {
    const what = JSON.stringify(purgeFields(own));
    const older = this.#own.get(what);
    if (older !== undefined) this.#ownMarks.delete(older.mark);
    this.#own.delete(what);
    this.#own.set(what, own);
    this.#ownMarks.set(own.mark, what);
  }

  #forgetOwn(mark: string): boolean {
    const what = this.#ownMarks.get(mark);
    if (what === undefined) return false;
    this.#ownMarks.delete(mark);
    return this.#own.delete(what);
  }

  #forgetAllOwn(): void {
    this.#own.clear();
    this.#ownMarks.clear();
  }
}

// Whichever process puts the purge on the chain, it gets the same mark. A copy of the directory goes on at the same
// position of the same log, and has other nonces.
function markOf(epoch: number, position: LogPosition, nonce: number): string {
  return hashed(`${epoch}:${position}:${nonce}`);
}

function hashed(text: string): string {
  return hash("sha256", text).slice(0, 12);
}
