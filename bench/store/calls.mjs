/** Calls to the file system of one write and of one read from disk, on average over 2,000 in a directory of as many entries: no directory is listed. `node bench/store/calls.mjs`; the kernel's view of the same: `strace -f -c node bench/store/calls.mjs` */
import fs from "node:fs";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { compileStore } from "../../test/support/compiled-store.mjs";
import { headOf, openStore, turn } from "../../test/store/open-store.mjs";

const COUNT = 2000;
let calls = {};
const counting = new Proxy(fs, {
  get(target, name) {
    const real = target[name];
    if (typeof real !== "function") return real;
    return (...given) => {
      calls[name] = (calls[name] ?? 0) + 1;
      return real.apply(target, given);
    };
  },
});
const compiled = compileStore();
const dir = mkdtempSync(join(tmpdir(), "diskcache-calls-"));
const store = await openStore(compiled.store, { dir, fs: counting });
const body = Buffer.alloc(1024, "x");

async function counted(title, work) {
  calls = {};
  for (let index = 0; index < COUNT; index++) await work(index);
  const each = Object.entries(calls).map(([name, count]) => [name, Math.round((count / COUNT) * 100) / 100]);
  console.log(title, JSON.stringify(Object.fromEntries(each.toSorted(([, one], [, other]) => other - one))));
}

async function write(key) {
  store.put(headOf(store, key), body);
  await store.flush();
}

for (let index = 0; index < COUNT; index++) await write(`/${index}`);
// The first count is over when the directory of the entries is not being swept any more.
while (fs.lstatSync(join(dir, "sweeper"), { throwIfNoEntry: false }) !== undefined) await turn();
await counted("a write", (index) => write(`/new/${index}`));
async function read(index) {
  await store.get(`/${index}`);
  await turn();
}
await counted("a read", read);
await counted("a read of what was read before", read);
await store.close();
rmSync(dir, { recursive: true });
compiled.remove();
