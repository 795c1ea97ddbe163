/**
 * Pages that machines share over an engine: asks for one that this machine has not, and gives what was rendered here.
 * What is found is judged by the log of this directory alone, so nothing has to be removed where something is purged.
 * Never fails a request, never lets one wait for longer than its budget, and lets nothing queue up.
 */
import { CHUNK_BYTES } from "../store/entries/body-cover.js";
import type { Seals } from "../store/entries/seal.js";
import type { Clock } from "../base/clock.js";
import { wholeBody } from "../store/contract.js";
import type { EntryHead, LogPosition, SharedPagesStats, StoreEntry } from "../store/contract.js";
import type { Judgement, SharedDirectory } from "../store/sharing.js";
import type { PageLine } from "./page-line.js";
import type { ResolvedPages } from "./settings.js";
import { nameOf, PageWriter, SharedPage } from "./shared-bytes.js";

export interface SharedPagesDeps {
  readonly settings: ResolvedPages;
  readonly leaseMs: number;
  readonly directory: SharedDirectory;
  readonly seals: Seals | undefined;
  readonly line: PageLine;
  readonly clock: Clock;
  /** The same head as if it had been made by a clock that is ahead by so much. */
  readonly shifted: (head: EntryHead, ms: number) => EntryHead;
  /** Whether what lies under the key may be shared at all. */
  readonly mayShare: (key: string) => boolean;
}

/** A page of another machine, as an entry of this directory. */
export interface FoundPage {
  readonly page: SharedPage;
  readonly head: EntryHead;
  /** A soft purge has matched it. */
  readonly soft: boolean;
}

/** Pages that wait to be given: beyond so many bytes they are not given. */
const MOST_WAITING_BYTES = 64 * 1024 * 1024;
const MOST_AT_ONCE = 4;
/** The budget of a request, times this, is that of a page that is given, and of each piece of a long one. */
const PATIENCE = 10;
/** Clocks of machines that differ by less are taken for equal. */
const LEAST_SHIFT_MS = 1_000;
/** How much younger a sealed page may be than it says itself. */
const MOST_REJUVENATION_MS = 60_000;
/** Pieces of a long page are kept for longer than its beginning, so that what was begun can be ended. */
const PIECES_LONGER_MS = 60_000;

interface Given {
  readonly head: EntryHead;
  readonly bytes: number;
  readonly entry: () => StoreEntry<unknown> | undefined | Promise<StoreEntry<unknown> | undefined>;
}

export class SharedPages {
  readonly #deps: SharedPagesDeps;
  #closed = false;
  readonly #queue: Given[] = [];
  #waitingBytes = 0;
  #giving = 0;
  #idle: (() => void)[] = [];
  /** By key, how much of it waits to be given, and what waits for that. */
  readonly #pending = new Map<string, { count: number; readonly told: (() => void)[] }>();
  readonly #counts = { hits: 0, misses: 0, puts: 0, putBytes: 0, skippedPuts: 0 };

  constructor(deps: SharedPagesDeps) {
    this.#deps = deps;
  }

  /** Whether the engine would be asked now. */
  get asks(): boolean {
    return !this.#closed && this.#deps.line.open && this.inTouch;
  }

  /** Whether it would be asked for this. */
  asksFor(key: string): boolean {
    return this.asks && this.#deps.mayShare(key);
  }

  /** An entry that this directory may use, and has not; `undefined` when there is none, or it is not known in time.
   * Never rejects. */
  async look(key: string): Promise<FoundPage | undefined> {
    const found = await this.#deps.line.ask((connection) => connection.get(nameOf(key)));
    if (found === undefined) return this.#missed();
    const { clock, seals } = this.#deps;
    const page = SharedPage.read(key, found.bytes, found.leftMs, seals);
    const judged = page === undefined ? "unknown" : this.#judge(page);
    if (page === undefined || typeof judged === "string") {
      // Of no use to any machine.
      if (judged === "purged") void this.#deps.line.ask((connection) => connection.drop(nameOf(key), page!.beginning));
      return this.#missed();
    }
    const head = this.#localHead(page, judged.birth);
    if (head === undefined || head.expiresAt <= clock.now()) return this.#missed();
    if (page.pieces > 0) {
      const all = await this.#deps.line.ask((connection) => connection.hasPieces(nameOf(key), page.token, page.pieces));
      const again = this.#judge(page);
      if (all !== true || typeof again === "string" || again.soft !== judged.soft) return this.#missed();
    }
    this.#counts.hits++;
    return { page, head, soft: judged.soft };
  }

  /** The body of a long page, piece by piece, some ahead; `undefined` for one that is gone or damaged: then it ends. */
  async *pieces(page: SharedPage): AsyncGenerator<Buffer | undefined> {
    const { head, pieces, token } = page;
    const name = nameOf(head.key);
    const ahead: Promise<Buffer | undefined>[] = [];
    const ask = (index: number): Promise<Buffer | undefined> =>
      this.#deps.line.ask((connection) => connection.piece(name, token, index), PATIENCE);
    for (let index = 0; index < Math.min(MOST_AT_ONCE, pieces); index++) ahead.push(ask(index));
    for (let index = 0; index < pieces; index++) {
      const kept = await ahead.shift();
      if (index + MOST_AT_ONCE < pieces) ahead.push(ask(index + MOST_AT_ONCE));
      const bytes = kept && page.piece(index, kept);
      yield bytes;
      if (bytes === undefined) return;
    }
  }

  /** Gives what was stored here to the others, when there is time for it.
   * @param entry of it, as it is stored then */
  give(head: EntryHead, bytes: number, entry: Given["entry"]): void {
    const { mayShare, settings } = this.#deps;
    if (this.#closed || bytes > settings.maxEntry || !mayShare(head.key)) return;
    // A long one is read back piece by piece.
    const waits = bytes > CHUNK_BYTES ? 0 : bytes;
    if (this.#waitingBytes + waits > MOST_WAITING_BYTES || !this.#deps.line.open) {
      this.#counts.skippedPuts++;
      return;
    }
    this.#waitingBytes += waits;
    this.#queue.push({ head, bytes: waits, entry });
    const pending = this.#pending.get(head.key) ?? { count: 0, told: [] };
    pending.count++;
    this.#pending.set(head.key, pending);
    if (this.#giving < MOST_AT_ONCE) void this.#giveAll();
  }

  /** Resolves when nothing of the key waits to be given. */
  given(key: string): Promise<void> {
    const pending = this.#pending.get(key);
    return pending === undefined ? Promise.resolve() : new Promise((resolve) => pending.told.push(resolve));
  }

  /** What is kept under the key is not to be used any more, although no purge says so. */
  async drop(key: string): Promise<void> {
    const found = await this.#deps.line.ask((connection) => connection.get(nameOf(key)));
    const beginning = found && SharedPage.beginningOf(found.bytes);
    if (beginning !== undefined) await this.#deps.line.ask((connection) => connection.drop(nameOf(key), beginning));
  }

  stats(): SharedPagesStats {
    const { failures, resting } = this.#deps.line;
    return { state: resting ? "resting" : "open", ...this.#counts, failures };
  }

  /** Resolves when what waits has been given, or given up. */
  async close(): Promise<void> {
    if (this.#closed) return;
    if (this.#giving > 0) await new Promise<void>((resolve) => this.#idle.push(resolve));
    this.#closed = true;
  }

  /** Whether anything may be taken over: without contact, what was rendered elsewhere long ago would pass for young. */
  get inTouch(): boolean {
    return this.#deps.directory.contactAgeMs() <= this.#deps.leaseMs / 2;
  }

  #missed(): undefined {
    this.#counts.misses++;
  }

  #judge(page: SharedPage): Judgement {
    const { directory } = this.#deps;
    if (!directory.look()) return "unknown";
    const { chain } = directory;
    const place = chain.placeAt(page.head.birth);
    // Begun on a part of the chain that was lost.
    if (place !== undefined && !page.isFrom(place)) return "purged";
    if (place === undefined) return "unknown";
    const judged = directory.judge(place, page.head);
    // A purge of this directory that is not on the chain yet will get a number above that of the page.
    return typeof judged === "object" && (chain.ownCount > 0 || !this.inTouch) ? "unknown" : judged;
  }

  // No two wall clocks are compared: the engine says how old it is. `undefined` for a page of another version.
  #localHead({ ageMs, head }: SharedPage, birth: LogPosition): EntryHead | undefined {
    const { clock, seals, shifted } = this.#deps;
    const now = clock.now();
    const made = now - ageMs;
    // What the engine says of its age is not sealed.
    const storedAt = seals === undefined ? made : Math.min(made, head.storedAt + MOST_REJUVENATION_MS);
    const shift = storedAt - head.storedAt;
    const near = Math.abs(shift) < LEAST_SHIFT_MS && head.storedAt <= now;
    try {
      return { ...(near ? head : shifted(head, shift)), birth };
    } catch {
      return undefined;
    }
  }

  async #giveAll(): Promise<void> {
    this.#giving++;
    for (let given = this.#queue.shift(); given !== undefined; given = this.#queue.shift()) {
      // What cannot be read back is not given, and the store has told of it.
      const kept = await this.#give(given).catch(() => undefined);
      if (kept === undefined) this.#counts.skippedPuts++;
      this.#waitingBytes -= given.bytes;
      this.#over(given.head.key);
    }
    this.#giving--;
    if (this.#giving === 0) for (const resolve of this.#idle.splice(0)) resolve();
  }

  #over(key: string): void {
    const pending = this.#pending.get(key);
    if (pending === undefined || --pending.count > 0) return;
    this.#pending.delete(key);
    for (const resolve of pending.told) resolve();
  }

  // `undefined` when it was not given.
  async #give({ entry: find, head }: Given): Promise<true | undefined> {
    const { clock, directory, seals, settings } = this.#deps;
    const entry = await find();
    if (entry === undefined || entry.head.storedAt !== head.storedAt) return undefined;
    const place = directory.look() ? directory.chain.standAt(head.birth) : undefined;
    if (place === undefined) return undefined;
    const name = nameOf(head.key);
    const writer = new PageWriter(entry.head, place, seals);
    const left = (): number => Math.min(Math.floor(head.expiresAt - clock.now()), settings.maxAgeMs);
    if (left() <= 0) return undefined;
    if (entry.bodyBytes <= CHUNK_BYTES) {
      const body = await wholeBody(entry);
      if (body === undefined) return undefined;
      writer.whole(body);
    } else if ((await this.#givePieces(name, entry, writer, left() + PIECES_LONGER_MS)) !== true) {
      return undefined;
    }
    const forMs = left();
    const bytes = forMs > 0 ? writer.end({ forMs, ageMs: Math.max(0, clock.now() - head.storedAt) }) : undefined;
    if (bytes === undefined) return undefined;
    const put = await this.#deps.line.ask((connection) => connection.put(name, bytes, forMs), PATIENCE);
    if (put !== "kept") return undefined;
    this.#counts.puts++;
    this.#counts.putBytes += bytes.length + (entry.bodyBytes > CHUNK_BYTES ? entry.bodyBytes : 0);
    return true;
  }

  async #givePieces(
    name: string,
    entry: StoreEntry<unknown>,
    writer: PageWriter,
    forMs: number,
  ): Promise<boolean | undefined> {
    const token = writer.token.toString("hex");
    const reader = entry.reader();
    const under = new Set<Promise<unknown>>();
    let whole = true;
    try {
      for (let index = 0, at = 0; at < entry.bodyBytes && whole; index++) {
        const bytes = await chunkFrom(reader, at, Math.min(at + CHUNK_BYTES, entry.bodyBytes));
        at += bytes.length;
        const kept = writer.piece(bytes);
        const put = this.#deps.line
          .ask((connection) => connection.putPiece(name, token, index, kept, forMs), PATIENCE)
          .then((answer) => {
            under.delete(put);
            whole &&= answer === "kept";
          });
        under.add(put);
        if (under.size >= MOST_AT_ONCE) await Promise.race(under);
      }
      await Promise.all(under);
      return whole;
    } catch {
      // It was evicted meanwhile, or is damaged, which the store has told.
      return undefined;
    } finally {
      reader.close();
    }
  }
}

// A copy: the reader reuses its buffer.
async function chunkFrom(reader: ReturnType<StoreEntry<unknown>["reader"]>, from: number, to: number): Promise<Buffer> {
  const chunk = Buffer.allocUnsafeSlow(to - from);
  for (let filled = 0; filled < chunk.length;) {
    const bytes = await reader.read(from + filled, to);
    if (bytes.length === 0) throw new Error("the body is shorter than it should be");
    filled += bytes.copy(chunk, filled);
  }
  return chunk;
}
