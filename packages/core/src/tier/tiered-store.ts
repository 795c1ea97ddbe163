/** A store on disk whose pages are shared with other machines: what it has not, it looks for there, and what is stored
 * here is given to them. What is found becomes an entry of this directory like any other, judged by its log. */
import { andThen } from "../base/async.js";
import type { MaybeAsync } from "../base/async.js";
import type { DiskCacheError } from "../base/errors.js";
import { Recent } from "../base/recent.js";
import type {
  BodyReader,
  EntryHead,
  EntryWriter,
  KeyLock,
  LockEnd,
  LockOptions,
  StoreEntry,
  StoreStats,
} from "../store/contract.js";
import { DiskStore } from "../store/disk-store.js";
import type { DiskStoreOptions } from "../store/disk-store-options.js";
import { StoredEntry } from "../store/entries/stored-entry.js";
import { Seals } from "../store/entries/seal.js";
import { ArrivingEntry } from "./arriving-entry.js";
import { PageLine } from "./page-line.js";
import type { ResolvedPages } from "./settings.js";
import { SharedLocks } from "./shared-locks.js";
import { SharedPages } from "./shared-pages.js";
import type { FoundPage, SharedPagesDeps } from "./shared-pages.js";
import type { TierTime } from "./time.js";

/** Keys of entries that were dropped here and are not to come back from elsewhere. */
const MOST_DROPPED = 4_096;
const MOST_HELD = 4_096;
/** An entry of another machine replaces one of this when it was made later by more than this, milliseconds: when an
 * engine says how old something is, it rounds. */
const CLEARLY_LATER_MS = 100;

type Found<Value> = StoreEntry<Value> | undefined;

/** What is shared with other machines, and the way there. */
interface Shared {
  readonly line: PageLine;
  readonly pages: SharedPages;
  /** `undefined`: each machine renders for itself. */
  readonly locks: SharedLocks | undefined;
}

export class TieredStore<Value> extends DiskStore<Value> {
  readonly #options: DiskStoreOptions<Value>;
  readonly #line: PageLine;
  readonly #pages: SharedPages;
  readonly #locks: SharedLocks | undefined;
  /** Keys that another machine holds, as this process has seen lately: not all of them are waited for. */
  readonly #heldElsewhere = new Recent<string, true>(MOST_HELD);
  /** One look at a time for each key: others join it. */
  readonly #looks = new Map<string, Promise<Found<Value>>>();
  /** Long pages on their way. */
  readonly #arriving = new Map<string, ArrivingEntry<Value>>();
  /** When they were dropped, epoch milliseconds. */
  readonly #dropped = new Recent<string, number>(MOST_DROPPED);

  /** @throws {DiskCacheError} `ERR_DISKCACHE_DIRECTORY` with `strict` */
  constructor(options: DiskStoreOptions<Value>, shareOf: (store: DiskStore<Value>) => Shared) {
    super(options);
    this.#options = options;
    const { line, locks, pages } = shareOf(this);
    this.#line = line;
    this.#locks = locks;
    this.#pages = pages;
  }

  get reachesOthers(): boolean {
    return this.#pages.asks;
  }

  override get(key: string): MaybeAsync<Found<Value>> {
    return andThen(super.get(key), (found) => found ?? this.#elsewhere(key, undefined));
  }

  override borrow(key: string, now: number): MaybeAsync<Found<Value>> {
    return andThen(super.borrow(key, now), (found) => found ?? this.#elsewhere(key, undefined));
  }

  override getLatest(key: string): MaybeAsync<Found<Value>> {
    return andThen(super.getLatest(key), (found) => andThen(this.#elsewhere(key, found), (newer) => newer ?? found));
  }

  override put(head: EntryHead, body: Buffer): boolean {
    const kept = super.put(head, body);
    if (kept) this.#give(head, body.length);
    return kept;
  }

  override create(key: string): EntryWriter | undefined {
    const writer = super.create(key);
    return writer && new GivingWriter(writer, (head, bytes) => this.#give(head, bytes));
  }

  override remove(key: string): void {
    super.remove(key);
    this.#arriving.delete(key);
    this.#dropped.set(key, this.#options.clock.now());
    void this.#pages.drop(key);
  }

  override stats(): StoreStats {
    const { tier, ...stats } = super.stats();
    return { ...stats, ...(tier && { tier: { ...tier, pages: this.#pages.stats() } }) };
  }

  /** The directory's own lock first, and then that of all machines. */
  lockEverywhere(key: string, options: LockOptions = {}): MaybeAsync<KeyLock | "held" | undefined> {
    const own = this.lock(key, options);
    const locks = this.#locks;
    // A request that has waited for the engine in vain does not wait for it again.
    if (own === "held" || locks === undefined || this.#line.doubtful || !this.#pages.asksFor(key)) return own;
    return locks.take(key, options.making).then((taken): KeyLock | "held" | undefined => {
      if (taken === "unknown") return own;
      if (taken !== "held") return { release: (others = []) => this.#release([key, ...others], own, taken.release) };
      own?.release();
      this.#heldElsewhere.set(key, true);
      return "held";
    });
  }

  override async released(key: string, timeoutMs: number): Promise<LockEnd> {
    if (this.#locks === undefined) return super.released(key, timeoutMs);
    if (this.#heldElsewhere.has(key)) {
      this.#heldElsewhere.delete(key);
      return this.#locks.released(key, timeoutMs);
    }
    const { clock } = this.#options;
    const since = clock.now();
    const end = await super.released(key, timeoutMs);
    const leftMs = Math.min(timeoutMs, since + timeoutMs - clock.now());
    if (end === "abandoned" || leftMs <= 0 || !this.#pages.asksFor(key)) return end;
    const found = await super.get(key);
    // Where nothing was made here, its holder may have let go because another machine is at it.
    return found !== undefined && found.head.storedAt >= since ? end : this.#locks.released(key, leftMs);
  }

  // Other machines find what was made before they see the lock go.
  #release(
    [key, ...others]: readonly [string, ...string[]],
    own: KeyLock | undefined,
    release: () => Promise<unknown>,
  ): void {
    own?.release(others);
    void Promise.all([key, ...others].map((made) => this.written(made)))
      .then(() => Promise.all([key, ...others].map((made) => this.#pages.given(made))))
      .then(release);
  }

  override async close(): Promise<void> {
    await this.#pages.close();
    await this.#locks?.close();
    this.#line.close();
    await super.close();
  }

  #give(head: EntryHead, bytes: number): void {
    this.#pages.give(head, bytes, () => super.get(head.key));
  }

  // What another machine has under the key, that this one has not or that was made later than `known`.
  #elsewhere(key: string, known: Found<Value>): MaybeAsync<Found<Value>> {
    const arriving = this.#arriving.get(key);
    if (arriving !== undefined && this.#pages.inTouch && this.survivesPurges(arriving.head)) return arriving;
    const under = this.#looks.get(key);
    if (under !== undefined) return under;
    if (!this.#pages.asksFor(key)) return undefined;
    const look = this.#pages.look(key).then((found) => {
      this.#looks.delete(key);
      return found && this.#taken(found, known);
    });
    this.#looks.set(key, look);
    return look;
  }

  #taken(found: FoundPage, known: Found<Value>): MaybeAsync<Found<Value>> {
    const { head, page } = found;
    const dropped = this.#dropped.get(head.key);
    if (dropped !== undefined && head.storedAt <= dropped) return undefined;
    if (known !== undefined && head.storedAt <= known.head.storedAt + CLEARLY_LATER_MS) return undefined;
    // It may have been stored here meanwhile.
    const own = known === undefined ? super.get(head.key) : undefined;
    if (own !== undefined) return own;
    return page.pieces > 0 ? this.#arrives(found) : this.#takenWhole(found);
  }

  #takenWhole({ head, page, soft }: FoundPage): MaybeAsync<Found<Value>> {
    const body = page.body();
    if (body === undefined) return undefined;
    // Memory of its own: the answer of the engine may be part of something longer.
    const copy = Buffer.from(body);
    return (super.put(head, copy) ? super.get(head.key) : undefined) ?? this.#unkept(head, copy, soft);
  }

  // There is no room for it: it answers this request all the same.
  #unkept(head: EntryHead, body: Buffer, soft: boolean): Found<Value> {
    try {
      const { clock, decode } = this.#options;
      const entry = new StoredEntry(head, decode(head), body.length, body, undefined, clock.now());
      entry.softPurged = soft;
      return entry;
    } catch {
      return undefined;
    }
  }

  #arrives({ head, page, soft }: FoundPage): Found<Value> {
    const writer = this.unfit(head, page.bodyBytes, true) === undefined ? super.create(head.key) : undefined;
    if (writer === undefined) return undefined;
    try {
      const { clock, decode } = this.#options;
      const pieces = this.#pages.pieces(page);
      const stored = (): MaybeAsync<Found<Value>> => super.get(head.key);
      const arrival = { writer, pieces, stored, now: clock.now() };
      const entry = new ArrivingEntry(head, decode(head), page.bodyBytes, arrival);
      entry.softPurged = soft;
      this.#arriving.set(head.key, entry);
      void entry.over.then(() => {
        if (this.#arriving.get(head.key) === entry) this.#arriving.delete(head.key);
      });
      return entry;
    } catch {
      writer.abort();
      return undefined;
    }
  }
}

export interface TieredDeps extends Pick<SharedPagesDeps, "mayShare" | "shifted"> {
  readonly time: TierTime;
  readonly fault: (error: DiskCacheError) => void;
}

/** @throws {DiskCacheError} `ERR_DISKCACHE_DIRECTORY` with `strict` */
export function openTieredStore<Value>(
  options: DiskStoreOptions<Value>,
  settings: ResolvedPages,
  { fault, mayShare, shifted, time }: TieredDeps,
): TieredStore<Value> {
  const { clock, encrypt = false, secrets, sharing } = options;
  const seals = secrets && new Seals(secrets, encrypt);
  const { leaseMs } = sharing!.lease;
  const line = new PageLine({ connect: settings.connect, timeoutMs: settings.timeoutMs, time, fault });
  return new TieredStore(options, (store) => {
    const directory = store.directory!;
    return {
      line,
      pages: new SharedPages({ clock, directory, leaseMs, line, mayShare, seals, settings, shifted }),
      locks: settings.locks ? new SharedLocks({ directory, line, time }) : undefined,
    };
  });
}

/** Gives what was written to other machines, once it is stored. */
class GivingWriter implements EntryWriter {
  readonly #writer: EntryWriter;
  readonly #give: (head: EntryHead, bytes: number) => void;
  #bytes = 0;

  constructor(writer: EntryWriter, give: (head: EntryHead, bytes: number) => void) {
    this.#writer = writer;
    this.#give = give;
  }

  get onDrain(): (() => void) | undefined {
    return this.#writer.onDrain;
  }

  set onDrain(drained: (() => void) | undefined) {
    this.#writer.onDrain = drained;
  }

  get failed(): boolean {
    return this.#writer.failed;
  }

  write(chunk: Buffer): boolean {
    this.#bytes += chunk.length;
    return this.#writer.write(chunk);
  }

  async commit(head: EntryHead): Promise<boolean> {
    const stored = await this.#writer.commit(head);
    if (stored) this.#give(head, this.#bytes);
    return stored;
  }

  reader(): BodyReader {
    return this.#writer.reader();
  }

  abort(): void {
    this.#writer.abort();
  }
}
