/** Writes as fast as it can, says so, and goes on until it is told to stop: `node flood-writer.mjs <compiled> <dir> <options> <least> <most>`, bodies of that many bytes, long ones as streams. */
import { headOf, openStore, turn } from "./open-store.mjs";

const [compiled, dir, options, least, most] = process.argv.slice(2);
const STREAMED_BYTES = 65_536;
/** Entries after which it says that it is under way. */
const UNDER_WAY = 50;
const store = await openStore(compiled, { dir, ...JSON.parse(options) });
let going = true;
const stop = () => (going = false);
process.on("message", stop);
process.on("disconnect", stop);
let count = 0;
while (going) {
  const key = `/${process.pid}/${count++}`;
  const body = Buffer.alloc(Number(least) + Math.floor(Math.random() * (most - least)), 1);
  if (body.length <= STREAMED_BYTES) store.put(headOf(store, key), body);
  else {
    const writer = store.create(key);
    for (let at = 0; writer !== undefined && at < body.length; at += STREAMED_BYTES) {
      if (!writer.write(body.subarray(at, at + STREAMED_BYTES)))
        await new Promise((resolve) => (writer.onDrain = resolve));
    }
    await writer?.commit(headOf(store, key));
  }
  if (count === UNDER_WAY) process.send("under way");
  if (count % 8 === 0) await turn();
}
await store.flush();
if (process.connected) process.send({ count, ...store.stats() });
await store.close();
if (process.connected) process.disconnect();
