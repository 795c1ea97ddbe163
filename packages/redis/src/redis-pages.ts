/** Pages in Redis or Valkey, and who renders one: each under a key of its own with a time to live, so the server may
 * evict any of them. The pieces of a long page and its lock lie in the same slot of a cluster. */
import type { KeptPage, PagesConnection } from "@diskcache/core";
import type { Connection, Connector, Word } from "./clients.js";
import { DROP, Evaluator, LOCK, PUT, RENEW, UNLOCK } from "./scripts.js";

/** An error of a server whose memory is used up. */
const OUT_OF_MEMORY = /\bOOM\b/;

export class RedisPages implements PagesConnection {
  readonly #prefix: string;
  readonly #asking: Connection;
  /** What is long goes another way, so that no request waits behind it. */
  readonly #bulk: Connection;
  readonly #evaluator: Evaluator;
  readonly #locking: Evaluator;

  private constructor(prefix: string, asking: Connection, bulk: Connection) {
    this.#prefix = prefix;
    this.#asking = asking;
    this.#bulk = bulk;
    this.#evaluator = new Evaluator(bulk);
    this.#locking = new Evaluator(asking);
  }

  /** @param prefix of all keys */
  static async open(connector: Connector, prefix: string): Promise<RedisPages> {
    const asking = await connector.open();
    try {
      return new RedisPages(prefix, asking, await connector.open());
    } catch (error) {
      asking.close();
      throw error;
    }
  }

  async get(name: string): Promise<KeptPage | undefined> {
    const key = this.#pageKey(name);
    const [bytes, left] = await Promise.all([
      this.#asking.callForBytes(["GET", key], key),
      this.#asking.call(["PTTL", key], key),
    ]);
    return Buffer.isBuffer(bytes) && Number(left) > 0 ? { bytes, leftMs: Number(left) } : undefined;
  }

  put(name: string, bytes: Buffer, forMs: number): Promise<"kept" | "older" | "full"> {
    return keeping(async () => {
      const put = await this.#evaluator.run(PUT, [this.#pageKey(name)], [bytes, forMs]);
      return Number(put[0]) === 1 ? "kept" : "older";
    });
  }

  async drop(name: string, beginning: Buffer): Promise<void> {
    await this.#evaluator.run(DROP, [this.#pageKey(name)], [beginning]);
  }

  async hasPieces(name: string, token: string, count: number): Promise<boolean> {
    const keys = Array.from({ length: count }, (_, index) => this.#pieceKey(name, token, index));
    return Number(await this.#asking.call(["EXISTS", ...keys], keys[0]!)) === count;
  }

  async piece(name: string, token: string, index: number): Promise<Buffer | undefined> {
    const key = this.#pieceKey(name, token, index);
    const bytes = await this.#bulk.callForBytes(["GET", key], key);
    return Buffer.isBuffer(bytes) ? bytes : undefined;
  }

  putPiece(name: string, token: string, index: number, bytes: Buffer, forMs: number): Promise<"kept" | "full"> {
    const key = this.#pieceKey(name, token, index);
    const words: Word[] = ["SET", key, bytes, "PX", forMs];
    return keeping(() => this.#bulk.call(words, key).then(() => "kept" as const));
  }

  async lock(name: string, token: string, forMs: number): Promise<string> {
    return String((await this.#locking.run(LOCK, [this.#lockKey(name)], [token, forMs]))[0]);
  }

  async renewLock(name: string, token: string, forMs: number): Promise<void> {
    await this.#locking.run(RENEW, [this.#lockKey(name)], [token, forMs]);
  }

  async unlock(name: string, token: string): Promise<void> {
    await this.#locking.run(UNLOCK, [this.#lockKey(name)], [token]);
  }

  async lockLeft(name: string): Promise<number> {
    const key = this.#lockKey(name);
    return Number(await this.#asking.call(["PTTL", key], key));
  }

  close(): void {
    this.#asking.close();
    this.#bulk.close();
  }

  #pageKey(name: string): string {
    return `${this.#prefix}:p:{${name}}`;
  }

  #lockKey(name: string): string {
    return `${this.#prefix}:l:{${name}}`;
  }

  #pieceKey(name: string, token: string, index: number): string {
    return `${this.#prefix}:c:{${name}}:${token}:${index}`;
  }
}

// A server that has no memory left works as it should.
async function keeping<Kept extends string>(work: () => Promise<Kept>): Promise<Kept | "full"> {
  try {
    return await work();
  } catch (error) {
    if (OUT_OF_MEMORY.test(String(error))) return "full";
    throw error;
  }
}
