/** Hit ratio of the memory tier (S3-FIFO) and of a plain LRU on one trace: Zipf over 20,000 pages, with crawls over pages nobody asks for again. `node bench/store/hit-ratio.mjs` */
import { dirname, join } from "node:path";
import { compileStore } from "../../test/support/compiled-store.mjs";

const compiled = compileStore();
const { MemoryTier } = await import(join(dirname(compiled.store), "memory-tier.js"));
const PAGES = 20_000;
const CAPACITY = 2000;

class Lru {
  map = new Map();
  get(key) {
    if (!this.map.delete(key)) return undefined;
    this.map.set(key, true);
    return true;
  }
  set(key) {
    this.map.set(key, true);
    if (this.map.size > CAPACITY) this.map.delete(this.map.keys().next().value);
  }
}

let seed = 42;
const random = () => (seed = (Math.imul(seed, 1103515245) + 12345) & 0x7fffffff) / 0x7fffffff;
const weights = Array.from({ length: PAGES }, (_, rank) => 1 / (rank + 1) ** 0.9);
const total = weights.reduce((sum, weight) => sum + weight);
const steps = [];
weights.reduce((sum, weight, rank) => (steps[rank] = sum + weight / total), 0);
function zipf() {
  const wanted = random();
  let [low, high] = [0, PAGES - 1];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (steps[middle] < wanted) low = middle + 1;
    else high = middle;
  }
  return `/${low}`;
}

for (const scans of [false, true]) {
  const caches = { "S3-FIFO": new MemoryTier(CAPACITY * 10), LRU: new Lru() };
  const hits = { "S3-FIFO": 0, LRU: 0 };
  let asked = 0;
  for (let request = 0; request < 600_000; request++) {
    const crawled = scans && request % 60_000 > 50_000;
    const key = crawled ? `/cold/${request}` : zipf();
    if (!crawled) asked++;
    for (const [name, cache] of Object.entries(caches)) {
      if (cache.get(key) === undefined) cache.set(key, true, 10);
      else if (!crawled) hits[name]++;
    }
  }
  const ratio = (name) => (hits[name] / asked).toFixed(3);
  console.log(JSON.stringify({ scans, "S3-FIFO": ratio("S3-FIFO"), LRU: ratio("LRU") }));
}
compiled.remove();
