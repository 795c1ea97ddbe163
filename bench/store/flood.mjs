/** Four processes write as fast as they can: the most that is on disk at any sample, as a share of maxSize. `node bench/store/flood.mjs <maxSize in MiB> <least> <most bytes of a body> <seconds>` */
import { fork } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { allocated } from "../../test/store/allocated.mjs";
import { compileStore } from "../../test/support/compiled-store.mjs";

const WRITER = fileURLToPath(new URL("../../test/store/flood-writer.mjs", import.meta.url));
const SAMPLE_MS = 5;

const [mebibytes = "8", least = "1000", most = "10000", seconds = "5"] = process.argv.slice(2);
const maxSize = Number(mebibytes) * 2 ** 20;
const compiled = compileStore();
const dir = mkdtempSync(join(tmpdir(), "diskcache-flood-"));

const writers = await Promise.all(Array.from({ length: 4 }, startWriter));
let highest = 0;
let samples = 0;
for (const until = Date.now() + Number(seconds) * 1000; Date.now() < until; samples++) {
  highest = Math.max(highest, allocated(dir).bytes);
  await pause(SAMPLE_MS);
}
console.log(`highest of ${samples} samples: ${(highest / maxSize).toFixed(4)} of maxSize`);
for (const writer of writers) {
  writer.send("stop");
  const [{ count, skippedWrites, evictions }] = await once(writer, "message");
  console.log(`${count - skippedWrites} of ${count} written, ${evictions} evictions`);
}
console.log(`at the end: ${(allocated(dir).bytes / maxSize).toFixed(4)} of maxSize`);
rmSync(dir, { recursive: true });
compiled.remove();

async function startWriter() {
  const writer = fork(WRITER, [compiled.store, dir, JSON.stringify({ maxSize }), least, most]);
  await once(writer, "message");
  return writer;
}
