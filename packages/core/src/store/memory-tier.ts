/**
 * A bounded in-memory tier in front of the disk. Knows keys and costs, nothing of what it holds, and never reads a
 * clock.
 *
 * S3-FIFO (Yang et al., SOSP '23): new entries enter a small queue; only what is asked for again moves to the main
 * queue, so a crawl over pages that no other client requests passes through the small queue and leaves the main one
 * alone. A hit writes one counter: nothing moves.
 */
import { textHash } from "../base/recent.js";

/** Share of the bound that new entries may take. */
const SMALL_SHARE = 0.1;
const HIGHEST_COUNT = 3;

class Node<Entry> {
  count = 0;
  main = false;
  older: Node<Entry> | undefined = undefined;
  newer: Node<Entry> | undefined = undefined;

  constructor(
    readonly key: string,
    public entry: Entry,
    public cost: number,
  ) {}
}

/** First in, first out; a node can leave from the middle. */
class Queue<Entry> {
  oldest: Node<Entry> | undefined = undefined;
  newest: Node<Entry> | undefined = undefined;
  cost = 0;

  push(node: Node<Entry>): void {
    node.older = this.newest;
    node.newer = undefined;
    if (this.newest === undefined) this.oldest = node;
    else this.newest.newer = node;
    this.newest = node;
    this.cost += node.cost;
  }

  remove(node: Node<Entry>): void {
    if (node.older === undefined) this.oldest = node.newer;
    else node.older.newer = node.newer;
    if (node.newer === undefined) this.newest = node.older;
    else node.newer.older = node.older;
    this.cost -= node.cost;
  }
}

export class MemoryTier<Entry> {
  readonly #limit: number;
  readonly #nodes = new Map<string, Node<Entry>>();
  #small = new Queue<Entry>();
  #main = new Queue<Entry>();
  /** Hashes of keys that left the small queue lately, oldest first: asked for again, they go straight to the main
   * queue. When two keys have the same hash, one of them gets there early; nothing worse. */
  readonly #ghosts = new Set<number>();

  /** `limit` in bytes; 0 keeps nothing. */
  constructor(limit: number) {
    this.#limit = limit;
  }

  /** Whether something of this cost may be kept: an entry larger than an eighth of the bound would push out many
   * others. */
  keeps(cost: number): boolean {
    return cost <= this.#limit / 8;
  }

  get size(): number {
    return this.#nodes.size;
  }

  get cost(): number {
    return this.#small.cost + this.#main.cost;
  }

  get(key: string): Entry | undefined {
    const node = this.#nodes.get(key);
    if (node === undefined) return undefined;
    if (node.count < HIGHEST_COUNT) node.count++;
    return node.entry;
  }

  /** Keeps an entry, and evicts others for it. */
  set(key: string, entry: Entry, cost: number): boolean {
    const known = this.#nodes.get(key);
    if (!this.keeps(cost)) {
      if (known !== undefined) this.#drop(known);
      return false;
    }
    if (known !== undefined) {
      const queue = known.main ? this.#main : this.#small;
      queue.cost += cost - known.cost;
      known.entry = entry;
      known.cost = cost;
    } else {
      const node = new Node(key, entry, cost);
      node.main = this.#ghosts.delete(textHash(key));
      (node.main ? this.#main : this.#small).push(node);
      this.#nodes.set(key, node);
    }
    while (this.cost > this.#limit) this.#evictOne();
    return this.#nodes.has(key);
  }

  delete(key: string): void {
    const node = this.#nodes.get(key);
    if (node !== undefined) this.#drop(node);
  }

  clear(): void {
    this.#nodes.clear();
    this.#ghosts.clear();
    this.#small = new Queue();
    this.#main = new Queue();
  }

  #evictOne(): void {
    if (
      this.#small.oldest !== undefined &&
      (this.#small.cost > this.#limit * SMALL_SHARE || this.#main.oldest === undefined)
    )
      this.#evictSmall();
    else this.#evictMain();
  }

  #evictSmall(): void {
    const node = this.#small.oldest as Node<Entry>;
    if (node.count > 0) {
      this.#small.remove(node);
      node.count = 0;
      node.main = true;
      this.#main.push(node);
      return;
    }
    this.#drop(node);
    this.#ghosts.add(textHash(node.key));
    // As many ghosts as entries: enough to notice a page that is asked for again within one turnover of the tier.
    if (this.#ghosts.size > this.#nodes.size + 16) {
      const oldest = this.#ghosts.values().next();
      if (oldest.done !== true) this.#ghosts.delete(oldest.value);
    }
  }

  #evictMain(): void {
    const node = this.#main.oldest as Node<Entry>;
    if (node.count === 0) {
      this.#drop(node);
      return;
    }
    node.count--;
    this.#main.remove(node);
    this.#main.push(node);
  }

  #drop(node: Node<Entry>): void {
    (node.main ? this.#main : this.#small).remove(node);
    this.#nodes.delete(node.key);
  }
}
