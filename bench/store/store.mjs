/**
 * The store alone: `node bench/store/store.mjs [--entries 1000,10000,100000]`. Prints set and get (p50, p99, µs) over so many entries, and over the largest
 * the time from process start to the first hit, the memory of an idle process over it against one over an empty directory, and how long clear() takes.
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
const SAMPLES = 3000;
const IDLE = fileURLToPath(new URL("idle.mjs", import.meta.url));
const { values } = parseArgs({ options: { entries: { type: "string", default: "1000,10000,100000" } } });
const compiled = compileStore();
const bounds = { maxEntries: 4_000_000, maxSize: 2 ** 40 };

function quantiles(micros) {
  const sorted = micros.toSorted((one, other) => one - other);
  const at = (share) => Math.round(sorted[Math.floor(sorted.length * share)] * 10) / 10;
  return { p50: at(0.5), p99: at(0.99) };
}

async function timed(count, work) {
  const micros = [];
  for (let sample = 0; sample < count; sample++) {
    const key = `/${Math.floor(Math.random() * count)}/${sample}`;
    const begun = performance.now();
    await work(key);
    micros.push((performance.now() - begun) * 1000);
  }
  return quantiles(micros);
}

const idle = (dir, key) => JSON.parse(execFileSync("node", ["--expose-gc", IDLE, compiled.store, dir, key]).toString());

for (const entries of values.entries.split(",").map(Number)) {
  const dir = mkdtempSync(join(tmpdir(), "diskcache-bench-"));
  const store = await openStore(compiled.store, { dir, ...bounds });
  for (let index = 0; index < entries; index++) {
    store.put(headOf(store, `/filled/${index}`), BODY);
    if (index % 500 === 499) await store.flush();
  }
  await store.flush();
  const set = await timed(SAMPLES, async (key) => {
    store.put(headOf(store, key), BODY);
    await store.flush();
  });
  const get = await timed(SAMPLES, () => store.get(`/filled/${Math.floor(Math.random() * entries)}`));
  console.log(JSON.stringify({ entries, set, get }));
  if (entries === Math.max(...values.entries.split(",").map(Number))) {
    await store.close();
    const empty = mkdtempSync(join(tmpdir(), "diskcache-bench-"));
    console.log(JSON.stringify({ over: idle(dir, "/filled/7"), empty: idle(empty, "/none") }));
    rmSync(empty, { recursive: true });
    const again = await openStore(compiled.store, { dir, ...bounds });
    const begun = performance.now();
    await again.clear();
    console.log(JSON.stringify({ clearMs: Math.round((performance.now() - begun) * 10) / 10 }));
    await again.close();
  } else await store.close();
  rmSync(dir, { recursive: true, force: true });
}
compiled.remove();
