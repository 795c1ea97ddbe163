/**
 * `npm run bench [-- hits random misses big scale startup compress stampede] [--quick] [--million]`: measures, prints a table a suite, and keeps the figures in
 * bench/results/ and docs/performance.md. Everything takes three quarters of an hour or so, `--quick` much less, and keeps nothing. `--check` is for CI: a few ratios, with a very wide margin.
 */
import { spawnSync } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { check } from "./check.mjs";
import { CLIENT_CORE, describeMachine, pinSelf } from "./machine.mjs";
import { markdown } from "./markdown.mjs";

const SUITES = ["hits", "random", "misses", "big", "scale", "startup", "compress"];
const STAMPEDE = fileURLToPath(new URL("stampede/run.mjs", import.meta.url));
const RESULTS = new URL("results/", import.meta.url);

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    quick: { type: "boolean", default: false },
    million: { type: "boolean", default: false },
    check: { type: "boolean", default: false },
    only: { type: "string" },
  },
});

// What is measured is what runs in production, where no audit looks on; every server started from here takes it over.
process.env.NODE_ENV = "production";
pinSelf(CLIENT_CORE);
if (values.check) process.exit((await check()) ? 0 : 1);

const keeps = !values.quick && values.only === undefined;
const settings = {
  rounds: values.quick ? 1 : 3,
  seconds: 1,
  million: values.million,
  only: values.only?.split(";"),
};
for (const name of positionals.length > 0 ? positionals : [...SUITES, "stampede"]) {
  if (name === "stampede") spawnSync(process.execPath, [STAMPEDE], { stdio: "inherit" });
  else await measure(name);
}
if (keeps) await import("./report.mjs");

async function measure(name) {
  const { title, yardstick, run } = await import(`./suites/${name}.mjs`);
  const machine = describeMachine();
  const startedMs = performance.now();
  const cases = await run(settings);
  const seconds = Math.round((performance.now() - startedMs) / 1000);
  const result = { suite: name, title, yardstick, rounds: settings.rounds, seconds, machine, cases };
  console.log(`\n${markdown(result)}`);
  if (!keeps) return;
  mkdirSync(RESULTS, { recursive: true });
  writeFileSync(new URL(`${name}.json`, RESULTS), `${JSON.stringify(result, undefined, 2)}\n`);
}
