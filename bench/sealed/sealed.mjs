/**
 * What a `secret` and `encrypt` cost: `node bench/sealed/sealed.mjs [--rounds 20]`. One process, stores with and without them in turn, round after round, so that
 * whatever else the machine does meets all of them alike. Prints µs of CPU for each hit from disk and each set, and the ratio to the plain store.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { compileStore } from "../../test/support/compiled-store.mjs";
import { bodyOf, headOf, openStore } from "../../test/store/open-store.mjs";

const { values } = parseArgs({ options: { rounds: { type: "string", default: "20" } } });
const secrets = [Buffer.alloc(32, "s")];
const KINDS = { plain: {}, secret: { secrets }, encrypt: { secrets, encrypt: true } };
/** Bytes of a body, and how many entries in a round. */
const SIZES = [
  { bytes: 1024, entries: 300 },
  { bytes: 16_384, entries: 300 },
  { bytes: 1_000_000, entries: 20 },
];
const META = "r\n200 OK\n".padEnd(500, "x");

const compiled = compileStore();
const root = mkdtempSync(join(tmpdir(), "diskcache-sealed-"));
try {
  const stores = {};
  for (const [kind, options] of Object.entries(KINDS))
    stores[kind] = await openStore(compiled.store, { dir: join(root, kind), ...options });
  for (const { bytes, entries } of SIZES) {
    const body = Buffer.alloc(bytes, "<p>hello</p>");
    const cost = Object.fromEntries(Object.keys(KINDS).map((kind) => [kind, { set: [], hit: [] }]));
    // The first round is not counted: whatever is made once is made in it.
    for (let round = 0; round <= Number(values.rounds); round++) {
      for (const [kind, store] of Object.entries(stores)) {
        const set = await cpu(
          entries,
          async (n) => void store.put(headOf(store, `/${bytes}/${n}`, { meta: META }), body),
          () => store.flush(),
        );
        const hit = await cpu(entries, async (n) => {
          const entry = await store.get(`/${bytes}/${n}`);
          if ((await bodyOf(entry)).length !== bytes) throw new Error("no hit");
        });
        if (round > 0) {
          cost[kind].set.push(set);
          cost[kind].hit.push(hit);
        }
      }
    }
    for (const what of ["hit", "set"]) {
      const plain = median(cost.plain[what]);
      const row = Object.keys(KINDS).map(
        (kind) =>
          `${kind} ${median(cost[kind][what]).toFixed(1)} µs (${(median(cost[kind][what]) / plain).toFixed(2)})`,
      );
      console.log(`${what} of ${bytes} bytes: ${row.join(", ")}`);
    }
  }
  for (const store of Object.values(stores)) await store.close();
} finally {
  rmSync(root, { recursive: true, force: true });
  compiled.remove();
}

/** Mean µs of CPU of this process. */
async function cpu(count, work, settle = async () => {}) {
  const before = process.cpuUsage();
  for (let n = 0; n < count; n++) await work(n);
  await settle();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / count;
}

function median(numbers) {
  return numbers.toSorted((one, other) => one - other)[Math.floor(numbers.length / 2)];
}
