/** A store that the application hands in: checked once, when it is opened, and kept from failing a request. Where the
 * contract says that a method does not throw, one that does is a fault like that of a disk: a miss, or something that
 * is not stored, and an event. */
import { DiskCacheError, optionError, purgeError, storeIoError } from "../base/errors.js";
import type {
  EntryHead,
  EntryWriter,
  KeyLock,
  LockEnd,
  LockOptions,
  LogPosition,
  OpenStore,
  PathSelector,
  PurgeSelector,
  SkipReason,
  Store,
  StoreEntry,
  StoreOwner,
  StoreStats,
} from "./contract.js";
import { errorCode } from "./file-system.js";
import { countNamed } from "./count-named.js";
import type { OpenedStore } from "./count-named.js";
import { GivenWriter } from "./given-writer.js";

const MEMBERS: Readonly<
  Record<Exclude<keyof Store<unknown>, "lockEverywhere" | "reachesOthers">, "function" | "boolean">
> = {
  position: "function",
  positionNow: "function",
  get: "function",
  borrow: "function",
  inMemory: "function",
  getLatest: "function",
  getCurrent: "function",
  admits: "function",
  storing: "boolean",
  crowded: "boolean",
  unfit: "function",
  couldHold: "function",
  put: "function",
  create: "function",
  survivesPurges: "function",
  lock: "function",
  released: "function",
  remove: "function",
  removeForAll: "function",
  written: "function",
  has: "function",
  heads: "function",
  purge: "function",
  clear: "function",
  stats: "function",
  close: "function",
};

const NOTHING: StoreStats = Object.freeze({
  entries: 0,
  bytes: 0,
  memoryEntries: 0,
  memoryBytes: 0,
  pendingWrites: 0,
  evictions: 0,
  corrupt: 0,
  ioErrors: 0,
  skippedWrites: 0,
});

type Found<Value> = StoreEntry<Value> | undefined;

/** @throws {DiskCacheError} `ERR_DISKCACHE_OPTION` when it is not a store; and what `open` throws */
export function openGivenStore<Value>(open: OpenStore, owner: StoreOwner<Value>): OpenedStore<Value> {
  const store = open(owner);
  const expected = "a function that returns a store";
  if (typeof store !== "object" || store === null) throw optionError("store", expected, store);
  for (const [name, kind] of Object.entries(MEMBERS) as [keyof Store<Value>, string][]) {
    if (typeof store[name] !== kind) {
      throw optionError("store", `${expected}, with \`${name}\` (a ${kind})`, store[name]);
    }
  }
  return new GivenStore(store, owner);
}

// A store that knew patterns as this one reads them would have to be told each time they change.
function everyPath({ scope }: PathSelector): PurgeSelector {
  return { kind: "prefix", prefix: "/", scope };
}

function plain(selector: PurgeSelector | PathSelector): PurgeSelector {
  return selector.kind === "path" ? everyPath(selector) : selector;
}

class GivenStore<Value> implements OpenedStore<Value> {
  readonly #store: Store<Value>;
  readonly #owner: StoreOwner<Value>;

  constructor(store: Store<Value>, owner: StoreOwner<Value>) {
    this.#store = store;
    this.#owner = owner;
  }

  // The oldest birth is the one that every purge outlives.
  position(): LogPosition {
    return this.#attempt("position", 0, () => this.#store.position());
  }

  positionNow(): LogPosition {
    return this.#attempt("positionNow", 0, () => this.#store.positionNow());
  }

  get(key: string): Found<Value> | Promise<Found<Value>> {
    return this.#find("get", () => this.#store.get(key));
  }

  borrow(key: string, now: number): Found<Value> | Promise<Found<Value>> {
    return this.#find("borrow", () => this.#store.borrow(key, now));
  }

  inMemory(key: string, now: number): Found<Value> {
    return this.#attempt("inMemory", undefined, () => this.#store.inMemory(key, now));
  }

  getLatest(key: string): Found<Value> | Promise<Found<Value>> {
    return this.#find("getLatest", () => this.#store.getLatest(key));
  }

  getCurrent(key: string): Found<Value> | Promise<Found<Value>> {
    return this.#find("getCurrent", () => this.#store.getCurrent(key));
  }

  admits(key: string): boolean {
    return this.#attempt("admits", false, () => this.#store.admits(key));
  }

  get storing(): boolean {
    return this.#attempt("storing", false, () => this.#store.storing);
  }

  get crowded(): boolean {
    return this.#attempt("crowded", true, () => this.#store.crowded);
  }

  unfit(head: EntryHead, bodyBytes: number, whole: boolean): SkipReason | undefined {
    return this.#attempt("unfit", "unavailable", () => this.#store.unfit(head, bodyBytes, whole));
  }

  couldHold(head: EntryHead, bodyBytes: number): boolean {
    return this.#attempt("couldHold", false, () => this.#store.couldHold(head, bodyBytes));
  }

  put(head: EntryHead, body: Buffer): boolean {
    return this.#attempt(
      "put",
      false,
      () => this.#store.put(head, body),
      () => this.#skipped(head.key),
    );
  }

  create(key: string): EntryWriter | undefined {
    const writer = this.#attempt("create", undefined, () => this.#store.create(key));
    return writer && new GivenWriter(writer, (operation, thrown) => this.#fault(operation, thrown, key));
  }

  survivesPurges(entry: Pick<EntryHead, "scope" | "name" | "tags" | "birth">): boolean {
    return this.#attempt("survivesPurges", false, () => this.#store.survivesPurges(entry));
  }

  lock(key: string, options?: LockOptions): KeyLock | "held" | undefined {
    const lock = this.#attempt("lock", undefined, () => this.#store.lock(key, options));
    if (typeof lock !== "object") return lock;
    return { release: (others) => this.#attempt("release", undefined, () => lock.release(others)) };
  }

  async released(key: string, timeoutMs: number): Promise<LockEnd> {
    return this.#settled("released", "over", () => this.#store.released(key, timeoutMs));
  }

  remove(key: string): void {
    this.#attempt("remove", undefined, () => this.#store.remove(key));
  }

  removeForAll(head: Pick<EntryHead, "key" | "scope" | "name">): void {
    this.#attempt("remove", undefined, () => this.#store.removeForAll(head));
  }

  async written(key: string): Promise<void> {
    return this.#settled("written", undefined, () => this.#store.written(key));
  }

  // It is asked after a fault: what is not known to be gone may be there.
  async has(key: string): Promise<boolean> {
    return this.#settled("has", true, async () => this.#store.has(key));
  }

  heads(): AsyncIterable<EntryHead> {
    return this.#store.heads();
  }

  async countNamed(
    selectors: readonly (PurgeSelector | PathSelector)[],
    counts: (head: EntryHead) => boolean,
  ): Promise<number> {
    try {
      return await countNamed(this, selectors.map(plain), counts, this.#owner.clock.now());
    } catch (error) {
      throw storeIoError("list what is in", "the given store", error);
    }
  }

  async purge(selectors: readonly (PurgeSelector | PathSelector)[], how: { readonly soft: boolean }): Promise<void> {
    try {
      await this.#store.purge(selectors.map(plain), how);
    } catch (error) {
      throw error instanceof DiskCacheError ? error : purgeError("the store", error);
    }
  }

  async clear(): Promise<void> {
    try {
      await this.#store.clear();
    } catch (error) {
      throw error instanceof DiskCacheError ? error : purgeError("the store", error);
    }
  }

  stats(): StoreStats {
    return this.#attempt("stats", NOTHING, () => this.#store.stats());
  }

  async close(): Promise<void> {
    return this.#settled("close", undefined, () => this.#store.close());
  }

  #find(operation: string, look: () => Found<Value> | Promise<Found<Value>>): Found<Value> | Promise<Found<Value>> {
    const found = this.#attempt(operation, undefined, look);
    // Also a promise that is not of this realm or library.
    if (typeof (found as Partial<Promise<unknown>> | undefined)?.then !== "function") return found;
    return this.#settled(operation, undefined, async () => found);
  }

  #attempt<Result>(operation: string, otherwise: Result, work: () => Result, failed?: () => void): Result {
    try {
      return work();
    } catch (thrown) {
      this.#fault(operation, thrown);
      failed?.();
      return otherwise;
    }
  }

  async #settled<Result>(operation: string, otherwise: Result, work: () => Promise<Result>): Promise<Result> {
    try {
      return await work();
    } catch (thrown) {
      this.#fault(operation, thrown);
      return otherwise;
    }
  }

  #fault(operation: string, thrown: unknown, skipped?: string): void {
    const error = storeIoError(`${operation} in`, "the given store", thrown);
    this.#owner.observe({ type: "error", operation, code: errorCode(thrown), error, said: false });
    if (skipped !== undefined) this.#skipped(skipped);
  }

  #skipped(key: string): void {
    this.#owner.observe({ type: "skip", reason: "io", key });
  }
}
