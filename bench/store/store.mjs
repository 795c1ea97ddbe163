/**
 * The store alone: `node bench/store/store.mjs [--entries 1000,10000,100000] [--rounds 20]`, 1000000 too where there is time to fill it. Stores of all these
 * sizes take turns, so that what the machine does besides falls on all of them: set (until it is on disk) and get from disk, p50 and p99 in µs, and set's
 * p50 as a share of that of the smallest. Over the largest: from process start to the first hit, beside a process that does nothing; memory of an idle
 * process, beside one over an empty directory; how long clear() takes.
 */
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { compileStore } from "../../test/support/compiled-store.mjs";
import { headOf, openStore } from "../../test/store/open-store.mjs";

const BODY = Buffer.alloc(1024, "x");
/** Before anything counts: until the compiler is done with what runs here. */
const WARM_UP = 3000;
const SAMPLES_A_ROUND = 150;
const STARTS = 9;
const IDLE = fileURLToPath(new URL("idle.mjs", import.meta.url));
const BOUNDS = { maxEntries: 4_000_000, maxSize: 2 ** 40 };
const { values } = parseArgs({
  options: {
    entries: { type: "string", default: "1000,10000,100000" },
    rounds: { type: "string", default: "20" },
  },
});
const compiled = compileStore();

async function filled(entries) {
  const dir = mkdtempSync(join(tmpdir(), "diskcache-bench-"));
  const store = await openStore(compiled.store, { dir, ...BOUNDS });
  for (let index = 0; index < entries; index++) {
    store.put(headOf(store, `/filled/${index}`), BODY);
    if (index % 500 === 499) await store.flush();
  }
  await store.flush();
  return { dir, store, entries, set: [], get: [] };
}

async function timed(micros, count, work) {
  for (let sample = 0; sample < count; sample++) {
    const begun = performance.now();
    await work(sample);
    micros.push((performance.now() - begun) * 1000);
  }
}

async function round({ store, entries, set, get }, name, count = SAMPLES_A_ROUND) {
  await timed(set, count, async (sample) => {
    store.put(headOf(store, `/${name}/${sample}`), BODY);
    await store.flush();
  });
  await timed(get, count, () => store.get(`/filled/${Math.floor(Math.random() * entries)}`));
}

function quantiles(micros) {
  const sorted = micros.toSorted((one, other) => one - other);
  const at = (share) => Math.round(sorted[Math.floor(sorted.length * share)] * 10) / 10;
  return { p50: at(0.5), p99: at(0.99) };
}

const run = (...given) => execFileSync(process.execPath, ["--expose-gc", ...given]).toString();
const idle = (dir, key) => JSON.parse(run(IDLE, compiled.store, dir, key));
const bare = () => Number(run("-p", "performance.now()"));
const median = (numbers) => numbers.toSorted((one, other) => one - other)[Math.floor(numbers.length / 2)];

const warm = await filled(0);
await round({ ...warm, entries: 1 }, "warm", WARM_UP);
await warm.store.close();

const stores = [];
for (const entries of values.entries.split(",").map(Number)) stores.push(await filled(entries));
for (let count = 0; count < Number(values.rounds); count++)
  for (const each of stores) await round(each, `round ${count}`);
const smallest = quantiles(stores[0].set).p50;
for (const { entries, set, get } of stores) {
  const measured = { entries, set: quantiles(set), get: quantiles(get) };
  console.log(JSON.stringify({ ...measured, setOfSmallest: Math.round((measured.set.p50 / smallest) * 100) / 100 }));
}

const largest = stores.at(-1);
for (const { store } of stores) await store.close();
const starts = { firstHitMs: [], bareMs: [], over: [], empty: [] };
for (let start = 0; start < STARTS; start++) {
  const over = idle(largest.dir, "/filled/7");
  const empty = idle(warm.dir, "/none");
  if (!over.hit || empty.hit) throw new Error("the first lookup went wrong");
  starts.firstHitMs.push(over.sinceStartMs);
  starts.bareMs.push(bare());
  starts.over.push(over.rssMiB);
  starts.empty.push(empty.rssMiB);
}
console.log(
  JSON.stringify({
    firstHitMs: median(starts.firstHitMs),
    ofThemNodeItselfMs: Math.round(median(starts.bareMs)),
    idleMiB: median(starts.over),
    idleOverEmptyMiB: median(starts.empty),
  }),
);

const again = await openStore(compiled.store, { dir: largest.dir, ...BOUNDS });
const begun = performance.now();
await again.clear();
console.log(JSON.stringify({ clearMs: Math.round((performance.now() - begun) * 10) / 10, entries: largest.entries }));
await again.close();
for (const { dir } of [warm, ...stores]) rmSync(dir, { recursive: true, force: true });
compiled.remove();
