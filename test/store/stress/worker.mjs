/** Puts, reads, streams and purges for so long, a least number of times, and tells what happened: `node worker.mjs <compiled> <dir> <ms>`. All times are of the one monotonic clock of the machine. */
import { bodyOf, headOf, openStore, turn } from "../open-store.mjs";
import { bodyIn, checked } from "../self-checking.mjs";

/** However slow the machine is. */
const LEAST_ROUNDS = 100;
const [compiled, dir, ms] = process.argv.slice(2);
const store = await openStore(compiled, { dir, maxSize: 6 * 2 ** 20, memoryBytes: 2 ** 20 });
const wrong = [];
const reads = [];
const purges = [];
const counts = { puts: 0, hits: 0, misses: 0 };
const now = () => process.hrtime.bigint();
const end = now() + BigInt(ms) * 1_000_000n;
const pick = (count) => Math.floor(Math.random() * count);

for (let round = 1; round <= LEAST_ROUNDS || now() < end; round++) {
  const key = `/${pick(50)}`;
  if (round % 100 === 0) await purge(key);
  else if (pick(10) < 3) await fill(key);
  else await read(key);
  if (pick(4) === 0) await turn();
}
await store.flush();
await store.close();
// Ends when the history has been received: what waits to be sent is lost with the process.
process.once("disconnect", () => process.exit());
process.send({ counts, wrong, reads, purges });

async function fill(key) {
  const head = headOf(store, key, { tags: [`tag${key}`] });
  // After the birth: a purge that another process completes between the two has come before the making.
  const begun = now();
  const body = bodyIn(key, pick(10) === 0 ? 250_000 : pick(5000), begun);
  if (pick(3) === 0) await turn();
  counts.puts++;
  if (pick(4) > 0) return store.put(head, body);
  const writer = store.create(key);
  writer?.write(body);
  return writer?.commit(head);
}

async function purge(key) {
  const begun = now();
  const selector = pick(2) === 0 ? { kind: "name", name: key, scope: undefined } : { kind: "tag", tag: `tag${key}` };
  await store.purge([selector], { soft: false });
  purges.push([key, String(begun), String(now())]);
}

async function read(key) {
  await turn();
  const asked = now();
  const entry = await store.get(key);
  if (entry === undefined) return void counts.misses++;
  let body;
  try {
    body = await bodyOf(entry);
  } catch {
    // Evicted or replaced while it was read: the client's connection would be cut, and nothing wrong sent.
    return void counts.misses++;
  }
  const found = checked(key, body);
  if (found.wrong !== undefined) wrong.push(`${key}: ${found.wrong}`);
  else reads.push([key, String(asked), found.begun]);
  counts.hits++;
}
