/**
 * Runs a program on a bench of its framework and judges it, with what went wrong outside of any answer. A bench that
 * something went wrong on is not used again.
 */
import { Bench } from "./bench.js";
import type { Framework } from "./frameworks.js";
import { judge } from "./oracle.js";
import type { Difference, Fault } from "./oracle.js";
import { isSound, needsSecond } from "./program.js";
import type { Program } from "./program.js";
import { SOMEBODY } from "./uncaught.js";
import type { Uncaught } from "./uncaught.js";
import { runBare, runProgram } from "./run-program.js";

export const PATIENCE_MS = 2_500;

/** How often the bare framework is asked whether it crashes, and how many at a time. */
const CRASHES = { rounds: 8, atOnce: 8 } as const;

/** What may last longer than the program. */
const LASTING: ReadonlySet<Fault> = new Set<Fault>(["hang", "late", "crash", "error-event"]);

/** One program after the other. */
export class Exercise {
  readonly #framework: Framework;
  readonly #uncaught: Uncaught;
  readonly #patienceMs: number;
  readonly #benches = new Map<boolean, Bench>();

  constructor(framework: Framework, uncaught: Uncaught, patienceMs = PATIENCE_MS) {
    this.#framework = framework;
    this.#uncaught = uncaught;
    this.#patienceMs = patienceMs;
  }

  async run(program: Program): Promise<Difference[]> {
    if (!isSound(program) || (program.world?.http2 && !this.#framework.http2)) return [];
    const pair = needsSecond(program);
    const failing = program.world?.disk !== undefined;
    const bench = (failing ? undefined : this.#benches.get(pair)) ?? new Bench(this.#framework, { pair, failing });
    if (!failing) this.#benches.set(pair, bench);
    const before = this.#uncaught.count;
    const limits = { patienceMs: this.#patienceMs };
    const observation = await this.#uncaught.during(program, () => runProgram(bench, program, limits));
    const found = await judge(program, observation);
    // Where the disk fails, it is to be told.
    for (const error of failing ? [] : bench.errors.splice(0))
      found.push({ fault: "error-event", who: "cache", detail: `${error.code}: ${error.message}` });
    const crashes = this.#uncaught.since(before, program);
    const own = crashes.length > 0 && (await this.#crashesBare(bench, program)) ? [] : crashes;
    for (const { error, sure } of own)
      found.push({ fault: "crash", who: sure ? "process" : SOMEBODY, detail: firstLines(error) });
    if (failing) await bench.close();
    else if (found.some(({ fault }) => LASTING.has(fault))) {
      this.#benches.delete(pair);
      await bench.close();
    }
    return found;
  }

  // Some middlewares do without any cache, now and then: what is encoded for an error behind it is written too late.
  async #crashesBare(bench: Bench, program: Program): Promise<boolean> {
    const bare = (): Promise<void> => runBare(bench, program, { patienceMs: this.#patienceMs });
    const before = this.#uncaught.count;
    for (let round = 0; round < CRASHES.rounds; round++) {
      await this.#uncaught.during(program, () => Promise.all(Array.from({ length: CRASHES.atOnce }, bare)));
      if (this.#uncaught.since(before, program).length > 0) return true;
    }
    return false;
  }

  async close(): Promise<void> {
    await Promise.all([...this.#benches.values()].map((bench) => bench.close()));
    this.#benches.clear();
  }
}

function firstLines(error: string): string {
  return error.split("\n").slice(0, 3).join(" ");
}
