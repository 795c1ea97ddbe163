/**
 * Writes entries to disk after the response: what is put is visible at once, and written when the event loop comes
 * round. Writes of one key are merged, the last wins, and they never overtake each other. Never holds more than a
 * bounded number of bytes.
 */
import { setImmediate } from "node:timers";
import { inOwnContext } from "../../base/async.js";
import type { AtomicFiles } from "./atomic-file.js";
import { isTransientRename } from "./atomic-file.js";
import { REMOVED } from "./entries.js";
import type { Reservation, UsageChange } from "./entries.js";
import type { Faults } from "../faults.js";
import type { EntryPath, Paths } from "../paths.js";
import { SlowGuard } from "./slow-guard.js";
import type { StoredEntry } from "./stored-entry.js";

/** Up to this length an entry is written synchronously: a third to a half of the CPU of the asynchronous way. */
const SYNCHRONOUS_BYTES = 65_536;
const MOST_WAITING_BYTES = 64 * 1024 * 1024;
const MOST_IN_FLIGHT = 4;
/** When the mean passes the first, or one write takes the second, nothing is written synchronously, for at least the
 * third. */
const SLOW_MEAN_MS = 2;
const SLOW_SPIKE_MS = 100;
const SLOW_REST_MS = 250;
/** A slow write makes five trips through the thread pool: open, write, set times, close, rename. */
const WRITE_TRIPS = 5;
/** Longest synchronous stretch of writing in one turn of the event loop. */
const TURN_MS = 2;

/** The bytes to write and the space reserved for them; `undefined` when there is nothing to write any more. */
export type Encoded =
  | { readonly pieces: Buffer[]; readonly expiresAt: number; readonly space: Reservation }
  | undefined;

export interface WriteQueueDeps<Value> {
  /** Bytes of an entry at the moment of writing; `undefined` when it became invalid while it waited. */
  readonly encode: (entry: StoredEntry<Value>) => Encoded;
  readonly stored: (path: EntryPath, change: UsageChange) => void;
  readonly now: () => number;
  /** Milliseconds of a clock that never jumps. */
  readonly elapsed: () => number;
}

interface Waiting<Value> {
  /** `undefined`: a removal. */
  readonly entry: StoredEntry<Value> | undefined;
  readonly bytes: number;
}

export class WriteQueue<Value> {
  readonly #files: AtomicFiles;
  readonly #paths: Paths;
  readonly #faults: Faults;
  readonly #deps: WriteQueueDeps<Value>;
  readonly #guard: SlowGuard;
  readonly #waiting = new Map<string, Waiting<Value>>();
  readonly #inFlight = new Map<string, Waiting<Value>>();
  #bytes = 0;
  #scheduled = false;
  #idle: (() => void)[] = [];
  readonly #watched = new Map<string, (() => void)[]>();
  /** Callbacks that wait for the write of a key that is under way. */
  readonly #landing = new Map<string, (() => void)[]>();
  /** Keys for which something is written to disk outside the queue. */
  readonly #held = new Map<string, Promise<void>>();

  constructor(files: AtomicFiles, paths: Paths, faults: Faults, deps: WriteQueueDeps<Value>) {
    this.#files = files;
    this.#paths = paths;
    this.#faults = faults;
    this.#deps = deps;
    this.#guard = new SlowGuard(SLOW_MEAN_MS, SLOW_SPIKE_MS, SLOW_REST_MS, deps.elapsed);
  }

  get size(): number {
    return this.#waiting.size + this.#inFlight.size;
  }

  /** Bytes that wait or are being written. */
  get bytes(): number {
    return this.#bytes;
  }

  /** What the key will have once everything is written; `undefined` when nothing for it waits. */
  get(key: string): StoredEntry<Value> | typeof REMOVED | undefined {
    const waiting = this.#waiting.get(key) ?? this.#inFlight.get(key);
    return waiting === undefined ? undefined : (waiting.entry ?? REMOVED);
  }

  /** Whether the queue has room. */
  takes(bytes: number): boolean {
    return this.#bytes === 0 || this.#bytes + bytes <= MOST_WAITING_BYTES;
  }

  /** False when the queue is full. */
  put(key: string, entry: StoredEntry<Value>, bytes: number): boolean {
    if (!this.takes(bytes)) return false;
    this.#enqueue(key, { entry, bytes });
    return true;
  }

  remove(key: string): void {
    this.#enqueue(key, { entry: undefined, bytes: 0 });
  }

  /** Lets something newer than what waits for a key be written outside the queue: after the write that is under way
   * for the key, before what is put from now on. */
  async exclusively<T>(key: string, work: () => Promise<T>): Promise<T> {
    const before = this.#held.get(key) ?? this.#written(key);
    this.#supersede(key);
    const done = before.then(work);
    const over = done.then(
      () => undefined,
      () => undefined,
    );
    this.#held.set(key, over);
    await over;
    if (this.#held.get(key) === over) this.#held.delete(key);
    this.#schedule();
    return done;
  }

  // Resolves when the write that is under way for the key is on disk.
  #written(key: string): Promise<void> {
    return this.#inFlight.has(key)
      ? new Promise((resolve) => this.#landing.set(key, [...(this.#landing.get(key) ?? []), resolve]))
      : Promise.resolve();
  }

  #supersede(key: string): void {
    const waiting = this.#waiting.get(key);
    if (waiting === undefined) return;
    this.#bytes -= waiting.bytes;
    this.#waiting.delete(key);
    this.#checkWritten(key);
    this.#checkIdle();
  }

  /** Resolves when nothing waits. */
  settled(): Promise<void> {
    if (this.size === 0) return Promise.resolve();
    return new Promise((resolve) => this.#idle.push(resolve));
  }

  /** Resolves when nothing for the key waits. */
  written(key: string): Promise<void> {
    if (this.get(key) === undefined) return Promise.resolve();
    return new Promise((resolve) => this.#watched.set(key, [...(this.#watched.get(key) ?? []), resolve]));
  }

  #enqueue(key: string, waiting: Waiting<Value>): void {
    const before = this.#waiting.get(key);
    if (before !== undefined) {
      this.#bytes -= before.bytes;
      this.#waiting.delete(key);
    }
    this.#waiting.set(key, waiting);
    this.#bytes += waiting.bytes;
    this.#schedule();
  }

  #schedule(): void {
    if (this.#scheduled || this.#waiting.size === 0) return;
    this.#scheduled = true;
    // What is written now belongs to several requests, or to one that is over.
    setImmediate(inOwnContext, this.#drain);
  }

  readonly #drain = (): void => {
    this.#scheduled = false;
    const startedMs = this.#deps.elapsed();
    for (const [key, waiting] of this.#waiting) {
      if (this.#inFlight.has(key) || this.#held.has(key)) continue;
      const quick = this.#guard.quick;
      if (waiting.bytes <= SYNCHRONOUS_BYTES && quick) {
        this.#waiting.delete(key);
        this.#writeNow(key, waiting);
        if (this.#deps.elapsed() - startedMs > TURN_MS) {
          this.#schedule();
          break;
        }
      } else if (this.#inFlight.size < MOST_IN_FLIGHT) {
        this.#waiting.delete(key);
        this.#inFlight.set(key, waiting);
        void this.#write(key, waiting);
      } else if (!quick) {
        break;
      }
    }
    // What is left waits for a write that is under way, which calls this again when it is done.
    this.#checkIdle();
  };

  #writeNow(key: string, waiting: Waiting<Value>): void {
    const path = this.#paths.entry(key);
    const startedMs = this.#guard.begin();
    try {
      if (waiting.entry === undefined) {
        this.#deps.stored(path, this.#files.removeNow(path));
      } else {
        const encoded = this.#encode(waiting.entry);
        if (encoded !== undefined) this.#writeEncodedNow(path, encoded);
      }
      this.#guard.synchronous(startedMs);
    } catch (error) {
      if (waiting.entry !== undefined && isTransientRename(error)) {
        this.#inFlight.set(key, waiting);
        void this.#write(key, waiting);
        return;
      }
      this.#fail(key, path, waiting, error);
    }
    this.#bytes -= waiting.bytes;
    this.#checkWritten(key);
  }

  async #write(key: string, waiting: Waiting<Value>): Promise<void> {
    const path = this.#paths.entry(key);
    const comparable = waiting.entry !== undefined && waiting.bytes <= SYNCHRONOUS_BYTES;
    const over = comparable ? this.#guard.asynchronous(WRITE_TRIPS) : undefined;
    try {
      if (waiting.entry === undefined) {
        this.#deps.stored(path, this.#files.removeNow(path));
      } else {
        const encoded = this.#encode(waiting.entry);
        if (encoded !== undefined) await this.#writeEncoded(path, encoded);
      }
    } catch (error) {
      this.#fail(key, path, waiting, error);
    }
    over?.();
    this.#bytes -= waiting.bytes;
    this.#inFlight.delete(key);
    for (const resolve of this.#landing.get(key) ?? []) resolve();
    this.#landing.delete(key);
    this.#schedule();
    this.#checkWritten(key);
    this.#checkIdle();
  }

  #writeEncodedNow(path: EntryPath, { pieces, expiresAt, space }: NonNullable<Encoded>): void {
    let stored: UsageChange;
    try {
      stored = this.#files.writeNow(path, pieces, this.#times(expiresAt));
      space.written();
    } finally {
      space.giveBack();
    }
    this.#succeed(path, stored);
  }

  async #writeEncoded(path: EntryPath, { pieces, expiresAt, space }: NonNullable<Encoded>): Promise<void> {
    let stored: UsageChange;
    try {
      stored = await this.#files.write(path, pieces, this.#times(expiresAt));
      space.written();
    } finally {
      space.giveBack();
    }
    this.#succeed(path, stored);
  }

  #encode(entry: StoredEntry<Value>): Encoded {
    // Storing is paused: what waits is dropped too, because it would fail like the write before it.
    if (this.#faults.storingPaused) {
      this.#faults.skip("paused", entry.head.key);
      return undefined;
    }
    return this.#deps.encode(entry);
  }

  #times(expiresAt: number): { readonly expiresAt: number; readonly usedAt: number } {
    return { expiresAt, usedAt: this.#deps.now() };
  }

  #succeed(path: EntryPath, change: UsageChange): void {
    this.#faults.stored();
    this.#deps.stored(path, change);
  }

  #fail(key: string, path: EntryPath, waiting: Waiting<Value>, error: unknown): void {
    this.#faults.io(waiting.entry === undefined ? "remove" : "write", path.file, error, true);
    if (waiting.entry !== undefined) this.#faults.skip("io", key);
  }

  #checkWritten(key: string): void {
    if (this.#watched.size === 0 || this.get(key) !== undefined) return;
    const watchers = this.#watched.get(key) ?? [];
    this.#watched.delete(key);
    for (const resolve of watchers) resolve();
  }

  #checkIdle(): void {
    if (this.size > 0 || this.#idle.length === 0) return;
    const idle = this.#idle;
    this.#idle = [];
    for (const resolve of idle) resolve();
  }
}
