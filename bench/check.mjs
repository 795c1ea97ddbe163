/** For CI: whether hits still cost what they should, by CPU time beside a bare server, with so wide a margin that only a mistake fails it. */
import { fill } from "./fill.mjs";
import { load, warmUp } from "./load.mjs";
import { interleave } from "./rounds.mjs";
import { start } from "./servers.mjs";

/** A system, the paths asked for, its configuration, and the most CPU a hit may take, in hits of the bare server. On a machine that is busy with other things a disk seems slow, and is asked through the thread pool, at several times the CPU: that is no mistake. */
const CASES = [
  { system: "diskcache", paths: ["one"], memory: "64mb", most: 3 },
  { system: "diskcache in front of Express", paths: ["one"], memory: "64mb", most: 3 },
  { system: "diskcache", paths: ["random", 500], memory: 0, most: 20 },
];
/** What disturbs a machine only ever adds: the cheapest of so many rounds counts, and as soon as one is cheap enough the rest is spared. */
const MOST_ROUNDS = 8;

export async function check() {
  if (process.platform !== "linux") {
    console.log("CPU time of other processes is read from /proc: nothing is checked here.");
    return true;
  }
  const bare = await start("bare", { bodyBytes: 10_240 });
  await warmUp(bare, ["one"], 16);
  let passed = true;
  for (const { most, ...each } of CASES) {
    const { cost, calls, failed } = await costOf(bare, each, most);
    const good = cost <= most && failed === 0 && calls === 0;
    const problem = failed > 0 ? `, ${failed} failed` : calls > 0 ? `, ${calls} were no hits` : "";
    console.log(
      `${good ? "ok" : "FAILED"}: ${each.system}, ${each.paths[0]}: ${cost.toFixed(2)} × bare, at most ${most}${problem}`,
    );
    passed &&= good;
  }
  await bare.stop();
  return passed;
}

async function costOf(bare, { system, paths, memory }, most) {
  const server = await start(system, { bodyBytes: 10_240, memory });
  await fill(server, paths[1] ?? 1);
  await warmUp(server, paths, 16);
  const best = { cost: Infinity, calls: 0, failed: 0 };
  for (let round = 0; round < MOST_ROUNDS && best.cost > most; round++) {
    const taken = await interleave([bare, server], 1, (each) => load(each, paths, 1, 16));
    const [base] = taken.get(bare);
    const [own] = taken.get(server);
    best.cost = Math.min(best.cost, own.cpuMicros / base.cpuMicros);
    best.calls += own.calls;
    best.failed += own.failed;
  }
  await server.stop();
  return best;
}
