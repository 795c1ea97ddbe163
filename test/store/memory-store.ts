/** A store in the memory of this process, written against what `@diskcache/core` exports: it shows that the contract is
 * enough to write one. Each store that one `memoryStore()` opens stands for a process of its own. */
import { DiskCacheError } from "@diskcache/core";
import type {
  BodyReader,
  EntryHead,
  EntryWriter,
  KeyLock,
  LockEnd,
  LockOptions,
  OpenStore,
  PurgeSelector,
  SkipReason,
  Store,
  StoreEntry,
  StoreOwner,
  StoreStats,
} from "@diskcache/core";

type Born = Pick<EntryHead, "scope" | "name" | "tags" | "birth">;

interface Held {
  readonly making: LockOptions["making"];
  readonly over: Promise<void>;
}

interface Shared {
  readonly entries: Map<string, { readonly head: EntryHead; readonly body: Buffer }>;
  /** In their order: its length is the clock. */
  readonly purges: { readonly selectors: readonly PurgeSelector[]; readonly soft: boolean }[];
  readonly locks: Map<string, Held>;
}

export function memoryStore(): OpenStore {
  const shared: Shared = { entries: new Map(), purges: [], locks: new Map() };
  return (owner) => new MemoryStore(shared, owner);
}

class MemoryStore<Value> implements Store<Value> {
  readonly #shared: Shared;
  readonly #owner: StoreOwner<Value>;
  #closed = false;
  #skipped = 0;

  constructor(shared: Shared, owner: StoreOwner<Value>) {
    this.#shared = shared;
    this.#owner = owner;
  }

  position(): number {
    return this.#shared.purges.length;
  }

  positionNow(): number {
    return this.position();
  }

  get(key: string): StoreEntry<Value> | undefined {
    const found = this.#shared.entries.get(key);
    if (found === undefined || this.unfit(found.head) !== undefined) return undefined;
    const { head, body } = found;
    const decoded = this.#decoded(head);
    return (
      decoded && {
        head,
        ...decoded,
        bodyBytes: body.length,
        body,
        softPurged: this.#isPurged(head, true),
        reader: () => readerOf(() => body),
      }
    );
  }

  borrow(key: string): StoreEntry<Value> | undefined {
    return this.get(key);
  }

  inMemory(key: string): StoreEntry<Value> | undefined {
    return this.get(key);
  }

  getLatest(key: string): StoreEntry<Value> | undefined {
    return this.get(key);
  }

  getCurrent(key: string): StoreEntry<Value> | undefined {
    return this.get(key);
  }

  admits(): boolean {
    return true;
  }

  get storing(): boolean {
    return !this.#closed;
  }

  get crowded(): boolean {
    return false;
  }

  unfit(head: EntryHead): SkipReason | undefined {
    if (this.#closed) return "unavailable";
    if (!this.survivesPurges(head)) return "purged";
    return head.expiresAt <= this.#owner.clock.now() ? "unusable" : undefined;
  }

  couldHold(): boolean {
    return true;
  }

  put(head: EntryHead, body: Buffer): boolean {
    const reason = this.unfit(head) ?? (this.#decoded(head) ? undefined : "unusable");
    if (reason !== undefined) return this.#skip(reason, head.key);
    this.#shared.entries.set(head.key, { head, body });
    return true;
  }

  create(key: string): EntryWriter | undefined {
    if (!this.#closed) return new MemoryWriter((head, body) => this.put(head, body));
    this.#skip("unavailable", key);
    return undefined;
  }

  survivesPurges(entry: Born): boolean {
    return !this.#isPurged(entry, false);
  }

  lock(key: string, { making }: LockOptions = {}): KeyLock | "held" | undefined {
    if (this.#closed) return undefined;
    const before = this.#shared.locks.get(key);
    const outdated = before?.making !== undefined && !this.survivesPurges({ ...before.making, tags: [] });
    if (before !== undefined && !outdated) return "held";
    let end = (): void => undefined;
    const held = { making, over: new Promise<void>((resolve) => (end = resolve)) };
    this.#shared.locks.set(key, held);
    return {
      release: () => {
        if (this.#shared.locks.get(key) === held) this.#shared.locks.delete(key);
        end();
      },
    };
  }

  async released(key: string, timeoutMs: number): Promise<LockEnd> {
    const held = this.#shared.locks.get(key);
    if (held === undefined) return "abandoned";
    let timer: NodeJS.Timeout | undefined;
    await Promise.race([held.over, new Promise((resolve) => (timer = setTimeout(resolve, timeoutMs)))]);
    clearTimeout(timer);
    return "over";
  }

  remove(key: string): void {
    if (!this.#closed) this.#shared.entries.delete(key);
  }

  removeForAll({ key }: Pick<EntryHead, "key">): void {
    this.remove(key);
  }

  async written(): Promise<void> {}

  has(key: string): boolean {
    return this.#shared.entries.has(key);
  }

  async *heads(): AsyncGenerator<EntryHead> {
    for (const { head } of this.#shared.entries.values()) yield head;
  }

  async purge(selectors: readonly PurgeSelector[], { soft }: { readonly soft: boolean }): Promise<void> {
    if (this.#closed) throw new DiskCacheError("ERR_DISKCACHE_CLOSED", "the store is closed");
    this.#shared.purges.push({ selectors, soft });
    for (const [key, { head }] of this.#shared.entries) {
      if (!this.survivesPurges(head)) this.#shared.entries.delete(key);
    }
  }

  clear(): Promise<void> {
    return this.purge([{ kind: "all" }], { soft: false });
  }

  stats(): StoreStats {
    const bodies = [...this.#shared.entries.values()].map(({ body }) => body.length);
    const bytes = bodies.reduce((sum, length) => sum + length, 0);
    const none = { pendingWrites: 0, evictions: 0, corrupt: 0, ioErrors: 0 };
    const entries = bodies.length;
    return { entries, bytes, memoryEntries: entries, memoryBytes: bytes, ...none, skippedWrites: this.#skipped };
  }

  async close(): Promise<void> {
    this.#closed = true;
  }

  #decoded(head: EntryHead): { readonly value: Value } | undefined {
    try {
      return { value: this.#owner.decode(head) };
    } catch {
      return undefined;
    }
  }

  #isPurged(entry: Born, softly: boolean): boolean {
    const since = this.#shared.purges.slice(entry.birth);
    return since.some(({ selectors, soft }) => soft === softly && selectors.some((one) => matches(one, entry)));
  }

  #skip(reason: SkipReason, key: string): false {
    this.#skipped++;
    this.#owner.observe({ type: "skip", reason, key });
    return false;
  }
}

function matches(selector: PurgeSelector, { scope, name, tags }: Born): boolean {
  switch (selector.kind) {
    case "name":
      return name === selector.name && (selector.scope ?? scope) === scope;
    case "prefix":
      return name.startsWith(selector.prefix) && (selector.scope ?? scope) === scope;
    case "scope":
      return scope === selector.scope;
    case "tag":
      return tags.includes(selector.tag);
    case "all":
      return true;
  }
}

class MemoryWriter implements EntryWriter {
  readonly #put: (head: EntryHead, body: Buffer) => boolean;
  readonly #pieces: Buffer[] = [];
  readonly failed = false;
  onDrain: (() => void) | undefined = undefined;
  #over = false;

  constructor(put: (head: EntryHead, body: Buffer) => boolean) {
    this.#put = put;
  }

  write(chunk: Buffer): boolean {
    this.#pieces.push(Buffer.from(chunk));
    return true;
  }

  async commit(head: EntryHead): Promise<boolean> {
    if (this.#over) return false;
    this.#over = true;
    return this.#put(head, Buffer.concat(this.#pieces));
  }

  reader(): BodyReader {
    return readerOf(() => Buffer.concat(this.#pieces));
  }

  abort(): void {
    this.#over = true;
  }
}

function readerOf(bytes: () => Buffer): BodyReader {
  return { read: async (start, end) => bytes().subarray(start, end), close: () => undefined };
}
