/** A process that opens a directory, asks for one key and idles: prints when it had the answer and what memory it takes. */
import { openStore } from "../../test/store/open-store.mjs";

const [compiled, dir, key] = process.argv.slice(2);
const store = await openStore(compiled, { dir, maxEntries: 4_000_000, maxSize: 2 ** 40 });
const hit = (await store.get(key)) !== undefined;
const sinceStartMs = Math.round(performance.now());
store.stats();
for (let turns = 0; turns < 200; turns++) await new Promise((resolve) => setTimeout(resolve, 5));
globalThis.gc?.();
console.log(JSON.stringify({ hit, sinceStartMs, rssMiB: Math.round(process.memoryUsage.rss() / 2 ** 20) }));
await store.close();
