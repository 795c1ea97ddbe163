/** Writes until it is killed: `node writer.mjs <compiled> <dir> <dieAt>`. With `dieAt` it kills itself right before its so-manieth call that changes the directory. */
import fs from "node:fs";
import { bodyIn } from "../self-checking.mjs";
import { headOf, openStore, turn } from "../open-store.mjs";

const [compiled, dir, dieAt] = process.argv.slice(2);
const CHANGING = /^(open|write|rename|link|symlink|unlink|mkdir|rmdir|futimes|close)/;
/** After so many rounds something is surely on disk, and whoever kills may. */
const KEPT_FIRST = 5;
let calls = 0;
const marked = new Proxy(fs, {
  get(target, name) {
    const real = target[name];
    if (typeof real !== "function" || !CHANGING.test(name)) return real;
    return (...given) => {
      if (++calls === Number(dieAt)) process.kill(process.pid, "SIGKILL");
      return real.apply(target, given);
    };
  },
});
const store = await openStore(compiled, { dir, maxSize: 4 * 2 ** 20, fs: marked });
for (let round = 0; ; round++) {
  const key = `/${round % 40}`;
  const body = bodyIn(key, round % 5 === 0 ? 300_000 : 2000 + (round % 7) * 900);
  if (round % 3 === 0) store.put(headOf(store, key), body);
  else {
    const writer = store.create(key);
    writer?.write(body);
    await writer?.commit(headOf(store, key));
  }
  if (round % 11 === 0) store.remove(`/${(round + 3) % 40}`);
  if (round % 50 === 49) await store.purge([{ kind: "name", name: key, scope: undefined }], { soft: false });
  if (round === KEPT_FIRST) {
    await store.flush();
    process.send("written");
  }
  await turn();
}
