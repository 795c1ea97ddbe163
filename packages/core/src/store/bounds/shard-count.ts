/**
 * What the last count found in each shard, less what the ledgers said of it then, so that both together give the
 * present content; with it, how long ago everything was last used. One small file, written only by the process that
 * sweeps and read by every process. Where it is missing or damaged, the sweep counts again.
 *
 * ```
 *   0  f64  magic                                          32  f64  position of that log when it began
 *   8  f64  when the last whole count ended                40  three f64 kept for later
 *  16  f64  when entries were last opened to find purged   64  256 times: f64 bytes, f64 entries; NaN = never counted
 *  24  f64  epoch of the invalidation log then           4160  ages of what stayed
 * ```
 */
import type { UsageChange } from "../entries/entries.js";
import { errorCode, FILE_MODE, READ_FLAGS_PLAIN, UPDATE_OR_CREATE_FLAGS } from "../file-system.js";
import type { FileSystem } from "../file-system.js";
import { IN_THE_CACHE, makeDirectory, ownDirectory } from "../own-directory.js";
import { SHARD_COUNT } from "../paths.js";

const MAGIC = 0xdcc0_0471;
const COUNTED_AT = 1;
const SEARCHED_AT = 2;
const POSITION = 4;
const HEADER_FIELDS = 8;
const FIELDS = HEADER_FIELDS + SHARD_COUNT * 2;
const MOST = 2 ** 50;
/** This many counted shards stand for the others: entries are spread over shards by hash. */
const SAMPLE_SHARDS = 16;

/** How far the invalidation log had been written when the last search for purged entries began. */
export interface Searched {
  readonly at: number;
  readonly epoch: number;
  readonly position: number;
}

export class ShardCount {
  readonly #fs: FileSystem;
  readonly #directory: string;
  readonly #values = new Float64Array(FIELDS);
  readonly #bytes = Buffer.from(this.#values.buffer);
  /** Of what is counted. */
  #sum: UsageChange = { bytes: 0, entries: 0 };
  #known = 0;

  constructor(fileSystem: FileSystem, directory: string) {
    this.#fs = fileSystem;
    this.#directory = directory;
    this.forget();
  }

  forget(): void {
    this.#values.fill(Number.NaN);
    this.#values.fill(0, 0, HEADER_FIELDS);
    this.#values[0] = MAGIC;
    this.#add();
  }

  /** Whether every shard has been counted. */
  get complete(): boolean {
    return this.#known === SHARD_COUNT;
  }

  /** When the last whole count ended, epoch milliseconds; 0 for never. */
  get countedAt(): number {
    return this.#values[COUNTED_AT] as number;
  }

  get searched(): Searched {
    const [at = 0, epoch = 0, position = 0] = this.#values.subarray(SEARCHED_AT, POSITION + 1);
    return { at, epoch, position };
  }

  /** What was there before all ledgers: exact, or estimated from a part; `undefined` when hardly anything is
   * counted. */
  get before(): UsageChange | undefined {
    if (this.#known === SHARD_COUNT) return this.#sum;
    if (this.#known < SAMPLE_SHARDS) return undefined;
    const share = SHARD_COUNT / this.#known;
    return { bytes: this.#sum.bytes * share, entries: Math.round(this.#sum.entries * share) };
  }

  /** What is counted of it. */
  get counted(): UsageChange {
    return this.#sum;
  }

  /** What was there before all ledgers, in one shard; 0 when it is not counted. */
  entriesIn(shard: number): number {
    return (this.#values[HEADER_FIELDS + shard * 2 + 1] as number) || 0;
  }

  set(shard: number, { bytes, entries }: UsageChange): void {
    this.#values[HEADER_FIELDS + shard * 2] = bytes;
    this.#values[HEADER_FIELDS + shard * 2 + 1] = entries;
    this.#add();
  }

  add(shard: number, { bytes, entries }: UsageChange): void {
    const at = HEADER_FIELDS + shard * 2;
    this.set(shard, {
      bytes: (this.#values[at] as number) + bytes,
      entries: (this.#values[at + 1] as number) + entries,
    });
  }

  /** Reads what another process has counted; resets when there is nothing to read.
   * @throws Node's own error */
  read(): void {
    let fd: number;
    try {
      fd = this.#fs.openSync(this.#path, READ_FLAGS_PLAIN);
    } catch (error) {
      if (errorCode(error) !== "ENOENT") throw error;
      this.forget();
      return;
    }
    try {
      const length = this.#fs.readSync(fd, this.#bytes, 0, this.#bytes.length, 0);
      if (length < this.#bytes.length || this.#values[0] !== MAGIC) this.forget();
    } finally {
      this.#fs.closeSync(fd);
    }
    this.#add();
  }

  /** @throws Node's own error */
  write(): void {
    this.#update(this.#bytes, 0);
  }

  /** A pass over all shards is over.
   * @throws Node's own error */
  finish(countedAt: number, searched: Searched | undefined, ages: AgeHistogram): void {
    this.#values[COUNTED_AT] = countedAt;
    if (searched !== undefined) this.#values.set([searched.at, searched.epoch, searched.position], SEARCHED_AT);
    this.#update(Buffer.concat([this.#bytes, ages.bytes]), 0);
  }

  /** How long ago everything was used at the last pass; `undefined` when that is not known. */
  ages(): AgeHistogram | undefined {
    try {
      ownDirectory(this.#fs, this.#directory);
      const fd = this.#fs.openSync(this.#path, READ_FLAGS_PLAIN);
      try {
        const bytes = Buffer.alloc(AgeHistogram.BYTES);
        const length = this.#fs.readSync(fd, bytes, 0, bytes.length, this.#bytes.length);
        return length < bytes.length ? undefined : AgeHistogram.from(bytes);
      } finally {
        this.#fs.closeSync(fd);
      }
    } catch {
      return undefined;
    }
  }

  get #path(): string {
    return `${this.#directory}/count`;
  }

  #update(bytes: Buffer, position: number): void {
    ownDirectory(this.#fs, this.#directory);
    const fd = this.#openOwn();
    try {
      this.#fs.writeSync(fd, bytes, 0, bytes.length, position);
    } finally {
      this.#fs.closeSync(fd);
    }
  }

  #openOwn(): number {
    const fd = this.#openOrCreate();
    if (this.#fs.fstatSync(fd).nlink <= 1) return fd;
    // A hard link: its other name may belong to another program.
    this.#fs.closeSync(fd);
    this.#fs.unlinkSync(this.#path);
    return this.#openOrCreate();
  }

  #openOrCreate(): number {
    try {
      return this.#fs.openSync(this.#path, UPDATE_OR_CREATE_FLAGS, FILE_MODE);
    } catch (error) {
      if (errorCode(error) !== "ENOENT") throw error;
      makeDirectory(this.#fs, this.#directory, IN_THE_CACHE);
      return this.#fs.openSync(this.#path, UPDATE_OR_CREATE_FLAGS, FILE_MODE);
    }
  }

  #add(): void {
    let bytes = 0;
    let entries = 0;
    this.#known = 0;
    for (let at = HEADER_FIELDS; at < FIELDS; at += 2) {
      const found = this.#values[at] as number;
      // An impossible number is damage: that shard is treated as not counted.
      if (!(Math.abs(found) < MOST)) continue;
      this.#known++;
      bytes += found;
      entries += this.#values[at + 1] as number;
    }
    this.#sum = { bytes, entries };
  }
}

/** How many entries and bytes were last used how long ago: enough to choose the moment before which to evict, in
 * constant memory. Touches no file. */

/** Buckets per doubling of the age: an age is known to 3 %. */
const BUCKETS_PER_DOUBLING = 24;
const BUCKETS = BUCKETS_PER_DOUBLING * 43;

export class AgeHistogram {
  static readonly BYTES = 8 + BUCKETS * 16;
  /** The moment ages count back from, then bytes and entries of each bucket. */
  readonly #values = new Float64Array(1 + BUCKETS * 2);
  readonly #bytes = this.#values.subarray(1, 1 + BUCKETS);
  readonly #entries = this.#values.subarray(1 + BUCKETS);

  /** Ages count back from `now`, epoch milliseconds. */
  constructor(now: number) {
    this.#values[0] = now;
  }

  /** As `bytes` gave it; `undefined` when it is damaged. */
  static from(bytes: Buffer): AgeHistogram | undefined {
    const histogram = new AgeHistogram(0);
    Buffer.from(histogram.#values.buffer).set(bytes);
    return histogram.#values.every((value) => value >= 0 && value < 2 ** 53) ? histogram : undefined;
  }

  /** To be kept in a file. */
  get bytes(): Buffer {
    return Buffer.from(this.#values.buffer);
  }

  add(usedAt: number, bytes: number): void {
    const bucket = bucketOf(this.#now - usedAt);
    this.#bytes[bucket] = (this.#bytes[bucket] as number) + bytes;
    this.#entries[bucket] = (this.#entries[bucket] as number) + 1;
  }

  /** The moment for which entries last used before it hold at least this many bytes and entries; `undefined` when all
   * together hold less. */
  cutoff(bytes: number, entries: number): number | undefined {
    let foundBytes = 0;
    let foundEntries = 0;
    for (let bucket = BUCKETS - 1; bucket >= 0; bucket--) {
      foundBytes += this.#bytes[bucket] as number;
      foundEntries += this.#entries[bucket] as number;
      if (foundBytes >= bytes && foundEntries >= entries) return this.#now + (bucket === 0 ? 1 : -youngestOf(bucket));
    }
    return undefined;
  }

  get #now(): number {
    return this.#values[0] as number;
  }
}

function bucketOf(ageMs: number): number {
  return ageMs < 1 ? 0 : Math.min(BUCKETS - 1, Math.floor(Math.log2(ageMs + 1) * BUCKETS_PER_DOUBLING));
}

// The youngest age that falls into a bucket: everything in it is at least as old.
function youngestOf(bucket: number): number {
  return 2 ** (bucket / BUCKETS_PER_DOUBLING) - 1;
}
