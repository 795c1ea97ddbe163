/**
 * What one store has added to the directory and removed from it, shard by shard: a small file that only its owner
 * writes and every process reads. The sums of all ledgers and the result of the last count make up what the directory
 * holds. The ledgers of this process are read in its memory: no descriptor is kept open for one. Never decides
 * anything, never waits.
 *
 * ```
 *  0  f64  magic         32  f64  bytes reserved for what is being written
 *  8  f64  1 = closed    40  f64  entries reserved
 * 16  f64  bytes         48  two f64 kept for later
 * 24  f64  entries       64  256 times: f64 bytes, f64 entries of that shard
 * ```
 */
import type { UsageChange } from "../entries/entries.js";
import { NOTHING, sum } from "./limits.js";
import { CREATE_FLAGS, FILE_MODE, READ_FLAGS_PLAIN, UPDATE_FLAGS, errorCode } from "../file-system.js";
import type { FileSystem } from "../file-system.js";
import { IN_THE_CACHE, makeDirectory } from "../own-directory.js";
import { SHARD_COUNT } from "../paths.js";
import { liveness, nameOwner, ownName } from "../process-identity.js";
import type { ProcessIdentity } from "../process-identity.js";
import { SharedFile } from "../shared-file.js";

const MAGIC = 0xdc1e_d6e1;
const CLOSED = 1;
const BYTES = 2;
const RESERVED_BYTES = 4;
const RESERVED_ENTRIES = 5;
const HEADER_FIELDS = 8;
const FIELDS = HEADER_FIELDS + SHARD_COUNT * 2;
const PREFIX = "ledger-";
/** No cache is larger than this: a ledger that says so is damaged. */
const MOST = 2 ** 50;

/** A ledger whose owner may or may not live is treated as that of a dead process when it was not written for this
 * long. */
const UNKNOWN_OWNER_MS = 60 * 60 * 1000;

/** The published ledgers of this process, for each file system by their paths. */
const OURS = new WeakMap<FileSystem, Map<string, OwnLedger>>();

function oursOn(fs: FileSystem): Map<string, OwnLedger> {
  const ours = OURS.get(fs) ?? new Map<string, OwnLedger>();
  OURS.set(fs, ours);
  return ours;
}

/** The owner's view. Numbers are kept in memory and count from there; the file is for other processes. */
export class OwnLedger {
  readonly name = `${PREFIX}${ownName()}`;
  readonly #fs: FileSystem;
  readonly #directory: string;
  readonly #values = new Float64Array(FIELDS);
  readonly #file = Buffer.from(this.#values.buffer);
  #published = false;

  constructor(fs: FileSystem, directory: string) {
    this.#fs = fs;
    this.#directory = directory;
    this.#values[0] = MAGIC;
  }

  /** Whether it has a file. */
  get published(): boolean {
    return this.#published;
  }

  /** What its file begins with, or is about to. */
  get header(): Float64Array {
    return this.#values.subarray(0, HEADER_FIELDS);
  }

  get total(): UsageChange {
    return pair(this.#values, BYTES);
  }

  get reserved(): UsageChange {
    return pair(this.#values, RESERVED_BYTES);
  }

  at(shard: number): UsageChange {
    return pair(this.#values, HEADER_FIELDS + shard * 2);
  }

  change(shard: number, change: UsageChange): void {
    this.#add(BYTES, change);
    this.#add(HEADER_FIELDS + shard * 2, change);
  }

  reserve({ bytes, entries }: UsageChange): void {
    this.#add(RESERVED_BYTES, { bytes, entries });
  }

  /** Its past no longer counts: the directory is another one, or another process has added it to the count. What is
   * reserved stays. */
  forget(): void {
    this.#values.fill(0, BYTES, RESERVED_BYTES);
    this.#values.fill(0, HEADER_FIELDS);
    this.#close();
  }

  /** Writes it to the file for other processes.
   * @throws Node's own error */
  publish(): void {
    const fd = this.#published ? this.#open() : this.#create();
    this.#published = true;
    oursOn(this.#fs).set(this.#path, this);
    try {
      this.#fs.writeSync(fd, this.#file, 0, this.#file.length, 0);
    } finally {
      this.#fs.closeSync(fd);
    }
  }

  /** Its owner will write no more. */
  end(): void {
    if (!this.#published) return;
    this.#values[CLOSED] = 1;
    this.#values.fill(0, RESERVED_BYTES, RESERVED_ENTRIES + 1);
    try {
      this.publish();
    } catch {
      // Then it looks like the ledger of a process that died, and is counted again.
    }
    this.#close();
  }

  get #path(): string {
    return `${this.#directory}/${this.name}`;
  }

  #create(): number {
    try {
      return this.#fs.openSync(this.#path, CREATE_FLAGS, FILE_MODE);
    } catch (error) {
      if (errorCode(error) === "EEXIST") this.#fs.unlinkSync(this.#path);
      else if (errorCode(error) !== "ENOENT") throw error;
      makeDirectory(this.#fs, this.#directory, IN_THE_CACHE);
      return this.#fs.openSync(this.#path, CREATE_FLAGS, FILE_MODE);
    }
  }

  // Where it is gone, another process has added it to the count, or the directory is another one: it is not made again.
  #open(): number {
    const fd = this.#fs.openSync(this.#path, UPDATE_FLAGS);
    if (this.#fs.fstatSync(fd).nlink === 1) return fd;
    // A hard link: its other name may belong to another program.
    this.#fs.closeSync(fd);
    this.#fs.unlinkSync(this.#path);
    return this.#create();
  }

  #add(field: number, { bytes, entries }: UsageChange): void {
    this.#values[field] = (this.#values[field] as number) + bytes;
    this.#values[field + 1] = (this.#values[field + 1] as number) + entries;
  }

  #close(): void {
    this.#published = false;
    oursOn(this.#fs).delete(this.#path);
  }
}

/** The ledger of another store. */
class OtherLedger {
  readonly owner: ProcessIdentity;
  readonly #fs: FileSystem;
  /** The ledger itself, where its owner is of this process. */
  readonly #source: SharedFile | OwnLedger;
  readonly #values = new Float64Array(HEADER_FIELDS);
  readonly #bytes = Buffer.from(this.#values.buffer);

  private constructor(fs: FileSystem, source: SharedFile | OwnLedger, owner: ProcessIdentity) {
    this.#fs = fs;
    this.#source = source;
    this.owner = owner;
  }

  /** `undefined` when the name is not that of a ledger, or it cannot be opened. */
  static open(fs: FileSystem, directory: string, name: string): OtherLedger | undefined {
    const owner = name.startsWith(PREFIX) ? nameOwner(name.slice(PREFIX.length)) : undefined;
    if (owner === undefined) return undefined;
    const path = `${directory}/${name}`;
    try {
      const source = oursOn(fs).get(path) ?? SharedFile.open(fs, path, READ_FLAGS_PLAIN);
      return new OtherLedger(fs, source, owner);
    } catch {
      return undefined;
    }
  }

  get closed(): boolean {
    return this.#values[CLOSED] === 1;
  }

  /** As it was last read; nothing when it is damaged. */
  get total(): UsageChange {
    return sane(this.#values, BYTES);
  }

  get reserved(): UsageChange {
    return sane(this.#values, RESERVED_BYTES);
  }

  /** @throws Node's own error */
  read(): void {
    const source = this.#source;
    if (source instanceof OwnLedger) return this.#values.set(source.header);
    const length = this.#fs.readSync(source.fd, this.#bytes, 0, this.#bytes.length, 0);
    if (length < this.#bytes.length || this.#values[0] !== MAGIC) this.#values.fill(0);
  }

  /** What it says of one shard, read again.
   * @throws Node's own error */
  at(shard: number): UsageChange {
    const source = this.#source;
    if (source instanceof OwnLedger) return source.at(shard);
    const values = new Float64Array(2);
    const bytes = Buffer.from(values.buffer);
    const length = this.#fs.readSync(source.fd, bytes, 0, bytes.length, (HEADER_FIELDS + shard * 2) * 8);
    return length < bytes.length ? NOTHING : sane(values, 0);
  }

  /** When it was last written, epoch milliseconds.
   * @throws Node's own error */
  get writtenAt(): number {
    return this.#source instanceof OwnLedger ? Date.now() : this.#fs.fstatSync(this.#source.fd).mtimeMs;
  }

  close(): void {
    if (this.#source instanceof OwnLedger) return;
    try {
      this.#source.close();
    } catch {
      // The descriptor is released either way.
    }
  }
}

/** Those of all other stores that write to the directory, as they were last read. Writes none of them; removes one
 * whose owner is dead when it has been added to the count. */
export class OtherLedgers {
  readonly #fs: FileSystem;
  readonly #directory: string;
  #ledgers = new Map<string, OtherLedger>();
  /** What they have, at the last read. */
  #total: UsageChange = NOTHING;

  constructor(fs: FileSystem, directory: string) {
    this.#fs = fs;
    this.#directory = directory;
  }

  get size(): number {
    return this.#ledgers.size;
  }

  get total(): UsageChange {
    return this.#total;
  }

  /** Whether a store stopped without closing its ledger: its files may not match its ledger. */
  get abandoned(): boolean {
    return [...this.#ledgers.values()].some((ledger) => !ledger.closed && isDead(ledger));
  }

  /** From now on, those under these names.
   * @param again whether all are opened again, because the directory is another one */
  follow(names: ReadonlySet<string>, again: boolean): void {
    for (const [name, ledger] of this.#ledgers) {
      if (names.has(name) && !again) continue;
      ledger.close();
      this.#ledgers.delete(name);
    }
    for (const name of names) {
      if (this.#ledgers.has(name)) continue;
      const ledger = OtherLedger.open(this.#fs, this.#directory, name);
      if (ledger !== undefined) this.#ledgers.set(name, ledger);
    }
  }

  /** @throws Node's own error */
  read(): void {
    this.#total = NOTHING;
    for (const ledger of this.#ledgers.values()) {
      ledger.read();
      this.#total = sum(this.#total, sum(ledger.total, ledger.reserved));
    }
  }

  /** What they say of a shard just now. */
  at(shard: number, failed: (error: unknown) => void): UsageChange {
    let total = NOTHING;
    for (const ledger of this.#ledgers.values()) {
      try {
        total = sum(total, ledger.at(shard));
      } catch (error) {
        failed(error);
      }
    }
    return total;
  }

  /** Those whose owners write no more. */
  *ended(): Generator<Pick<OtherLedger, "at"> & { readonly remove: () => void }> {
    for (const [name, ledger] of this.#ledgers) {
      if (!ledger.closed && !isDead(ledger)) continue;
      yield {
        at: (shard) => ledger.at(shard),
        remove: () => {
          this.#fs.unlinkSync(`${this.#directory}/${name}`);
          ledger.close();
          this.#ledgers.delete(name);
        },
      };
    }
  }

  close(): void {
    for (const ledger of this.#ledgers.values()) ledger.close();
    this.#ledgers.clear();
    this.#total = NOTHING;
  }
}

function isDead(ledger: OtherLedger): boolean {
  const alive = liveness(ledger.owner);
  if (alive !== "unknown") return alive === "dead";
  try {
    return Date.now() - ledger.writtenAt > UNKNOWN_OWNER_MS;
  } catch {
    return false;
  }
}

function pair(values: Float64Array, field: number): UsageChange {
  return { bytes: values[field] as number, entries: values[field + 1] as number };
}

function sane(values: Float64Array, field: number): UsageChange {
  const found = pair(values, field);
  return Math.abs(found.bytes) < MOST && Math.abs(found.entries) < MOST ? found : NOTHING;
}
