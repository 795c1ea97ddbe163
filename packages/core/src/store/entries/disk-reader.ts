/** Reads an entry from disk: synchronously while the disk is fast, otherwise with a bounded wait. Checks that it is
 * complete and is the one asked for; not whether it may be used. */
import { setImmediate } from "node:timers";
import type { MaybeAsync } from "../../base/async.js";
import type { EntryHead, StoreEntry } from "../contract.js";
import { bodyIn, copyOf, closeContent } from "./entry-file.js";
import type { EntryContent, EntryFiles } from "./entry-file.js";
import { KnownHeads } from "./known-heads.js";
import type { KnownHead } from "./known-heads.js";
import type { Paths } from "../paths.js";
import { SlowGuard } from "./slow-guard.js";
import { StoredEntry } from "./stored-entry.js";

/** When the mean passes the first, or one read takes the second, the event loop stops waiting for the disk, for at
 * least the third. */
const SLOW_MEAN_MS = 1;
const SLOW_SPIKE_MS = 100;
const SLOW_REST_MS = 250;
/** A slow read makes three trips through the thread pool: open, stat, read. */
const READ_TRIPS = 3;
/** Longest wait of a lookup, in ticks. No turn of the event loop counts for two: while the process itself is held up,
 * it is not waiting for its disk. */
const TICK_MS = 25;
const LONGEST_WAIT_TICKS = 10;
/** Lookups that may wait for a slow disk at a time; one more is a miss at once. */
const MOST_SLOW_READS = 64;

export interface DiskReaderDeps<Value> {
  /** Lookups wait for a slow disk without limit: the caller would take a miss for an absence. */
  readonly patient: boolean;
  readonly decode: (head: EntryHead) => Value;
  /** What a value holds beyond its head, in bytes. */
  readonly valueBytes: (value: Value) => number;
  /** Epoch of the invalidation log now: an entry of another one belongs to another cache. */
  readonly epoch: () => number;
  /** Whether a body of this length may stay in memory. */
  readonly keeps: (bodyBytes: number) => boolean;
  /** Takes what was read, and returns whether it may be used. */
  readonly admit: (entry: StoredEntry<Value>) => boolean;
  /** What is stored under a key now, in whichever tier. */
  readonly lookUp: (key: string) => MaybeAsync<StoreEntry<Value> | undefined>;
}

export class DiskReader<Value> {
  readonly #files: EntryFiles;
  readonly #paths: Paths;
  readonly #deps: DiskReaderDeps<Value>;
  readonly #guard = new SlowGuard(SLOW_MEAN_MS, SLOW_SPIKE_MS, SLOW_REST_MS);
  readonly #heads: KnownHeads<Value>;
  readonly #slowReads = new Map<string, Promise<StoreEntry<Value> | undefined>>();

  #startedMs = 0;
  /** The last lookup found nothing: where pages are being filled, the next one usually finds nothing either. */
  #expectsNothing = false;
  /** Stops the clock before what follows the read: memory for a body is allocated there, which is when garbage is
   * collected. */
  readonly #answered = (): void => this.#guard.synchronous(this.#startedMs);

  constructor(files: EntryFiles, paths: Paths, deps: DiskReaderDeps<Value>) {
    this.#files = files;
    this.#paths = paths;
    this.#deps = deps;
    this.#heads = new KnownHeads(deps.valueBytes);
  }

  /** @param lend whether the body may be lent */
  read(key: string, lend: boolean): MaybeAsync<StoreEntry<Value> | undefined> {
    if (!this.#guard.quick) return this.#readSlowly(key);
    const known = this.#heads.get(key);
    if (known !== undefined) {
      const again = this.#readAgain(known, lend);
      if (again !== "changed") return again;
      this.#heads.forget(key);
    }
    const path = this.#paths.entry(key).file;
    this.#startedMs = this.#guard.begin();
    const content = this.#files.read(path, this.#answered, this.#expectsNothing);
    this.#expectsNothing = content === undefined;
    return content === undefined ? undefined : this.#entry(key, path, content, lend);
  }

  /** What is being read under this key is no longer the latest: lookups that wait for it are given the latest. */
  overtaken(key: string): void {
    this.#slowReads.delete(key);
  }

  /** Drops the heads kept in memory. */
  close(): void {
    this.#heads.clear();
  }

  #readAgain(known: KnownHead<Value>, lend: boolean): StoredEntry<Value> | undefined | "changed" {
    this.#startedMs = this.#guard.begin();
    const slab = this.#files.readAgain(known, this.#answered);
    if (slab === undefined) return "changed";
    const { head, preamble } = known.decoded;
    const lent = lend && !this.#deps.keeps(preamble.bodyBytes);
    const body = lent ? bodyIn(slab, preamble) : copyOf(bodyIn(slab, preamble));
    const entry = new StoredEntry(head, known.value, preamble.bodyBytes, body, undefined, known.touchedAt);
    if (lent) entry.lease = slab;
    const admitted = preamble.epoch === this.#deps.epoch() && this.#deps.admit(entry);
    known.touchedAt = entry.touchedAt;
    if (!lent || !admitted) slab.giveBack();
    return admitted ? entry : undefined;
  }

  #readSlowly(key: string): Promise<StoreEntry<Value> | undefined> | undefined {
    const known = this.#slowReads.get(key);
    if (known !== undefined) return known;
    if (this.#slowReads.size >= MOST_SLOW_READS && !this.#deps.patient) return undefined;
    const path = this.#paths.entry(key).file;
    const over = this.#guard.asynchronous(READ_TRIPS);
    const reading = this.#files.readSlowly(path).then((content): MaybeAsync<StoreEntry<Value> | undefined> => {
      over();
      if (this.#slowReads.get(key) !== awaited) {
        if (content !== undefined) closeContent(content);
        return this.#deps.lookUp(key);
      }
      this.#slowReads.delete(key);
      // Several requests may wait for it, so no single one may give it back.
      return content === undefined ? undefined : this.#entry(key, path, content, false);
    });
    const awaited: Promise<StoreEntry<Value> | undefined> = this.#deps.patient ? reading : withDeadline(reading);
    this.#slowReads.set(key, awaited);
    return awaited;
  }

  #entry(key: string, path: string, content: EntryContent, lend: boolean): StoredEntry<Value> | undefined {
    const entry = this.#made(key, path, content, lend);
    if (entry?.lease === undefined) content.slab?.giveBack();
    return entry;
  }

  #made(key: string, path: string, content: EntryContent, lend: boolean): StoredEntry<Value> | undefined {
    const { decoded, slab, file, touchedAt } = content;
    if (file !== undefined) {
      // The descriptor stays open until the end of this turn, for a reader that follows at once.
      file.retain();
      setImmediate(() => file.release());
    }
    const { head, preamble, seal } = decoded;
    if (head.key !== key) return this.#files.reject(path, "holds another key");
    if (preamble.epoch !== this.#deps.epoch()) return undefined;
    let value: Value;
    try {
      value = this.#deps.decode(head);
    } catch {
      return this.#files.reject(path, "its meta cannot be decoded");
    }
    const lent = lend && slab !== undefined && !this.#deps.keeps(preamble.bodyBytes);
    const body = lent || slab === undefined ? content.body : copyOf(bodyIn(slab, preamble));
    const entry = new StoredEntry(head, value, preamble.bodyBytes, body, file, touchedAt);
    if (lent) entry.lease = slab;
    if (!this.#deps.admit(entry)) return undefined;
    if (file === undefined && seal === undefined) {
      const fileBytes = preamble.bodyOffset + preamble.bodyBytes;
      this.#heads.meet(key, { path, fileBytes, decoded, value, touchedAt: entry.touchedAt });
    }
    return entry;
  }
}

/** `undefined` when the deadline comes first. The timer keeps the process alive no longer than the lookup does. */
function withDeadline<T>(work: Promise<T | undefined>): Promise<T | undefined> {
  return new Promise((resolve) => {
    let ticks = 0;
    const timer = setInterval(() => {
      if (++ticks < LONGEST_WAIT_TICKS) return;
      clearInterval(timer);
      resolve(undefined);
    }, TICK_MS);
    void work.then((result) => {
      clearInterval(timer);
      resolve(result);
    });
  });
}
