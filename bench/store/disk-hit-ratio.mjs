/**
 * Hit ratio of what is on disk, memory tier off, beside an ideal LRU that notes every use at once and is always full: `node bench/store/disk-hit-ratio.mjs`.
 * The store notes a use once a minute at most and evicts to nine tenths. Zipf over 20,000 pages, room for 2,000, 50 requests a second of a clock that is moved.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { compileStore } from "../../test/support/compiled-store.mjs";
import { openStore, turn } from "../../test/store/open-store.mjs";
import { Lru, zipf } from "./zipf.mjs";

const PAGES = 20_000;
const CAPACITY = 2000;
const REQUESTS = Number(process.argv[2] ?? 60_000);
/** Until both are full. */
const WARM_UP = REQUESTS / 4;
const REQUEST_MS = 20;
const DAY_MS = 86_400_000;

const compiled = compileStore();
const dir = mkdtempSync(join(tmpdir(), "diskcache-hits-"));
let now = Date.now();
const store = await openStore(compiled.store, { dir, maxEntries: CAPACITY, clock: { now: () => now } });
const ideal = { full: new Lru(CAPACITY), "nine tenths": new Lru(CAPACITY * 0.9) };
const hits = { store: 0, full: 0, "nine tenths": 0 };
const next = zipf(PAGES);
const body = Buffer.alloc(500, "x");

for (let request = 0; request < REQUESTS; request++) {
  now += REQUEST_MS;
  const key = next();
  const counted = request >= WARM_UP;
  if ((await store.get(key)) !== undefined) hits.store += counted ? 1 : 0;
  else {
    const head = { key, scope: "", name: key, tags: [], meta: "", storedAt: now, expiresAt: now + DAY_MS };
    store.put({ ...head, birth: store.position() }, body);
  }
  for (const [name, lru] of Object.entries(ideal)) {
    if (lru.get(key) === undefined) lru.set(key);
    else hits[name] += counted ? 1 : 0;
  }
  await turn();
}
const ratio = (name) => (hits[name] / (REQUESTS - WARM_UP)).toFixed(3);
const { entries, evictions, skippedWrites } = store.stats();
console.log(
  JSON.stringify({
    store: ratio("store"),
    "ideal LRU": ratio("full"),
    "ideal LRU of nine tenths": ratio("nine tenths"),
  }),
);
console.log(JSON.stringify({ entries, evictions, skippedWrites }));
await store.close();
rmSync(dir, { recursive: true });
compiled.remove();
