/**
 * `npm run histories`: machines that share purges over an engine in memory, in histories of purges, renders and faults,
 * for as long as it is told to. `-- --histories 10000 --seed 7`; `--without steady|joining|tokens|absence|cut-off`: without
 * a rule of the protocol, whose lack has to show; `--pages`: machines share their pages, too; `--history <JSON>` runs
 * one.
 */
import { parseArgs } from "node:util";
import fc from "fast-check";
import { anyHistory, run } from "./history.js";
import type { Step } from "./history.js";

const WITHOUT: Readonly<Record<string, Parameters<typeof run>[1]>> = {
  nothing: {},
  steady: { weakness: { steadyAtOnce: true } },
  joining: { weakness: { joinsAtOnce: true } },
  tokens: { weakness: { sameToken: true } },
  absence: { settings: { absence: 0.001 } },
  "cut-off": { settings: { whenCutOff: "serve" } },
};

const option = { type: "string" } as const;

export async function main(...args: string[]): Promise<void> {
  const { values } = parseArgs({
    args,
    options: {
      histories: option,
      seed: option,
      without: option,
      history: option,
      steps: option,
      pages: { type: "boolean" },
    },
  });
  const rule = WITHOUT[values.without ?? "nothing"];
  const how = rule && { ...rule, pages: values.pages === true };
  if (how === undefined) throw new Error(`--without: one of ${Object.keys(WITHOUT).join(", ")}`);
  if (values.history !== undefined) return console.log(await run(JSON.parse(values.history) as Step[], how));
  const seed = Number(values.seed ?? Math.floor(Math.random() * 2 ** 31));
  const numRuns = Number(values.histories ?? 500);
  const sums = { asked: 0, answered: 0, confirmed: 0, rejected: 0 };
  const checked = await fc.check(
    fc.asyncProperty(anyHistory(Number(values.steps ?? 40)), async (history) => {
      const ran = await run(history, how);
      for (const name of Object.keys(sums) as (keyof typeof sums)[]) sums[name] += ran[name];
      if (ran.stale.length > 0) throw new Error(ran.stale.join("; "));
    }),
    { numRuns, seed, interruptAfterTimeLimit: 9 * 60_000 },
  );
  console.log(`seed ${seed}, ${checked.numRuns} histories`, JSON.stringify(sums));
  if (checked.counterexample === null) return console.log("nothing stale");
  console.log(String(checked.errorInstance), JSON.stringify(checked.counterexample[0]));
  process.exit(1);
}
