/** Hit ratio of the memory tier (S3-FIFO) and of a plain LRU on one trace: Zipf over 20,000 pages, with crawls over pages nobody asks for again. `node bench/store/hit-ratio.mjs` */
import { dirname, join } from "node:path";
import { compileStore } from "../../test/support/compiled-store.mjs";
import { Lru, zipf } from "./zipf.mjs";

const compiled = compileStore();
const { MemoryTier } = await import(join(dirname(compiled.store), "memory-tier.js"));
const PAGES = 20_000;
const CAPACITY = 2000;
const REQUESTS = 600_000;
const next = zipf(PAGES);

for (const scans of [false, true]) {
  const caches = { "S3-FIFO": new MemoryTier(CAPACITY * 10), LRU: new Lru(CAPACITY) };
  const hits = { "S3-FIFO": 0, LRU: 0 };
  let asked = 0;
  for (let request = 0; request < REQUESTS; request++) {
    const crawled = scans && request % 60_000 > 50_000;
    const key = crawled ? `/cold/${request}` : next();
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
