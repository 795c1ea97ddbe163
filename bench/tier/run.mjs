/**
 * What sharing purges costs: `node tier/run.mjs [--rounds 9] [--missed 50000] [--only purges,hits,pages]`. Needs redis-server,
 * which it starts. Hits with a tier, without, and without beside a client that is in use, interleaved; how long a purge
 * takes until no machine answers with what it named, on three machines; how many a second; what the server keeps of
 * each; how soon a machine that has missed many has contact again. `pages`, or one of its parts, is in pages.mjs.
 */
import { fork } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { fill } from "../fill.mjs";
import { load, warmUp } from "../load.mjs";
import { CLIENT_CORE, pinSelf } from "../machine.mjs";
import { interleave, median } from "../rounds.mjs";
import { start } from "../servers.mjs";
import { partsOf } from "./pages.mjs";
import { startRedis } from "./site.mjs";

const PORT = 6398;
const SETTLE_MS = 5_000;
const PROCESSES = 4;
const { values } = parseArgs({
  options: {
    rounds: { type: "string", default: "9" },
    missed: { type: "string", default: "50000" },
    only: { type: "string" },
  },
});
process.env.NODE_ENV = "production";

const dir = mkdtempSync(join(tmpdir(), "diskcache-tier-bench-"));
const engine = await startRedis(PORT, dir);
const parts = { purges, hits };
const ofPages = partsOf({ dir, port: PORT, ...engine });

try {
  for (const name of values.only?.split(",") ?? Object.keys(parts)) {
    const wanted = name === "pages" ? Object.values(ofPages) : [{ ...parts, ...ofPages }[name]];
    for (const part of wanted) await part();
  }
} finally {
  engine.stop();
  rmSync(dir, { recursive: true, force: true });
}

async function purges() {
  const machines = ["a", "b", "c"].map((name) => machine(name));
  await Promise.all(machines.map(({ joined }) => joined));
  await pause(SETTLE_MS);
  const [first, second] = machines;
  await first.purge(50, 1);
  const { took } = await first.purge(500, 1);
  took.sort((a, b) => a - b);
  console.log(`purge on three machines: p50 ${at(took, 0.5)}, p90 ${at(took, 0.9)}, p99 ${at(took, 0.99)} ms`);
  const { took: many, seconds } = await first.purge(3_000, 64);
  console.log(`64 at a time: ${Math.round(many.length / seconds)} a second`);

  await second.close();
  const missed = Number(values.missed);
  const before = await engine.used();
  await first.purge(missed, 256);
  console.log(`memory of the server: ${((await engine.used()) - before) / missed} bytes a purge`);
  const back = machine("b");
  console.log(`contact after ${missed} missed purges: ${Math.round(await back.joined)} ms from the start of the cache`);
  for (const each of [machines[0], back, machines[2]]) await each.close();
}

async function hits() {
  pinSelf(CLIENT_CORE);
  const config = { bodyBytes: 10_240, memory: "64mb" };
  // More than one process of each: two that do the same differ by some percent for as long as they live.
  const systems = [];
  for (let n = 0; n < PROCESSES; n++) {
    systems.push({ name: "without", server: await start("diskcache", config) });
    systems.push({ name: "joined", server: await start("diskcache, joined", { ...config, redis: PORT }) });
    systems.push({ name: "beside", server: await start("diskcache, beside a client", { ...config, redis: PORT }) });
  }
  await pause(SETTLE_MS);
  for (const { server: one } of systems) {
    await fill(one, 1);
    await warmUp(one, ["one"]);
  }
  const taken = await interleave(systems, Number(values.rounds), ({ server: one }) => load(one, ["one"], 1));
  const costs = (name) =>
    systems
      .filter((system) => system.name === name)
      .map((system) => median(taken.get(system).map(({ cpuMicros }) => cpuMicros)));
  for (const name of ["without", "joined", "beside"]) {
    const each = costs(name);
    const ratio = (median(costs("without")) / median(each)).toFixed(3);
    console.log(
      `hit, ${name}: ${each.map((micros) => micros.toFixed(1)).join(" / ")} µs of CPU; rate ${ratio} of without`,
    );
  }
  await Promise.all(systems.map(({ server: one }) => one.stop()));
}

function machine(name) {
  const child = fork(fileURLToPath(new URL("machine.mjs", import.meta.url)), [join(dir, name), String(PORT)]);
  const answered = () => once(child, "message").then(([message]) => message);
  return {
    joined: answered().then(({ joinedMs }) => joinedMs),
    purge: (count, atOnce) => {
      child.send({ purge: count, atOnce });
      return answered();
    },
    close: async () => {
      child.send({ close: true });
      await once(child, "exit");
    },
  };
}

function at(sorted, share) {
  return sorted[Math.floor(sorted.length * share)].toFixed(1);
}
