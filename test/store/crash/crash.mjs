/** Kills a writer again and again, at random moments and at marked calls, and looks at what it leaves: whole entries, no litter, a directory that opens. `npm run crash -- --cycles 5000` */
import { fork } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { compileStore } from "../../support/compiled-store.mjs";
import { allocated } from "../allocated.mjs";
import { bodyOf, openStore, turn } from "../open-store.mjs";
import { checked } from "../self-checking.mjs";

const WRITER = fileURLToPath(new URL("writer.mjs", import.meta.url));

/** @returns how many kills, entries found whole, and what was wrong */
export async function crash(cycles, tell = () => undefined) {
  const compiled = compileStore();
  const dir = mkdtempSync(join(tmpdir(), "diskcache-crash-"));
  const result = { kills: 0, whole: 0, wrong: [] };
  try {
    for (let cycle = 0; cycle < cycles; cycle++) {
      await killOne(compiled.store, dir, cycle);
      result.kills++;
      await inspect(compiled.store, dir, result);
      if (cycle % 100 === 99) tell(result);
    }
  } finally {
    rmSync(dir, { recursive: true, force: true });
    compiled.remove();
  }
  return result;
}

// Every other one dies by itself at a marked call, the rest at whatever moment it is once they have kept something.
async function killOne(compiled, dir, cycle) {
  const dieAt = cycle % 2 === 0 ? 1 + ((cycle * 7) % 400) : 0;
  const child = fork(WRITER, [compiled, dir, String(dieAt)]);
  const exited = once(child, "exit");
  if (dieAt === 0) {
    await Promise.race([once(child, "message"), exited]);
    const until = performance.now() + Math.random() * 60;
    while (performance.now() < until) await turn();
    child.kill("SIGKILL");
  }
  await exited;
}

async function inspect(compiled, dir, result) {
  const store = await openStore(compiled, { dir });
  for (let index = 0; index < 40; index++) {
    const key = `/${index}`;
    const entry = await store.get(key);
    if (entry === undefined) continue;
    const found = checked(key, await bodyOf(entry));
    if (found.wrong === undefined) result.whole++;
    else result.wrong.push(`${key}: ${found.wrong}`);
  }
  const { corrupt, ioErrors } = store.stats();
  if (corrupt + ioErrors > 0) result.wrong.push(`${corrupt} damaged, ${ioErrors} errors`);
  for (let looks = 0; allocated(dir).temporary > 0; looks++) {
    await turn();
    if (looks > 100_000) result.wrong.push("litter stays");
    if (looks > 100_000) break;
  }
  await store.close();
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const { values } = parseArgs({ options: { cycles: { type: "string", default: "500" } } });
  const result = await crash(Number(values.cycles), ({ kills, whole, wrong }) =>
    console.log(`${kills} kills, ${whole} whole entries, ${wrong.length} wrong`),
  );
  console.log(result);
  process.exitCode = result.wrong.length === 0 ? 0 : 1;
}
