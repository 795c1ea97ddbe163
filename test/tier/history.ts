/** What happens to machines that share purges, as data: a history is run step by step, and each answer is held against
 * what had been confirmed when it was asked for. */
import fc from "fast-check";
import type { Server } from "./engine.js";
import type { Weakness } from "./engine.js";
import type { TierSettings } from "../../packages/core/src/tier/contract.js";
import { LEASE_MS, World } from "./world.js";
import type { Process } from "./world.js";

const PAGES = ["/a", "/b"] as const;

/** A step. Machines, processes and pages are named by number. */
export type Step =
  | { readonly do: "purge"; readonly by: number; readonly page: number }
  | { readonly do: "render"; readonly by: number; readonly page: number; readonly ms: number }
  | { readonly do: "ask"; readonly by: number; readonly page: number }
  | { readonly do: "wait"; readonly ms: number }
  | { readonly do: "cut" | "deaf" | "heal"; readonly by: number }
  | { readonly do: "close" | "open"; readonly by: number }
  | { readonly do: "restart" | "empty" | "copy" | "fail over" }
  | { readonly do: "rewind"; readonly count: number }
  | { readonly do: "trim"; readonly keep: number };

const by = fc.nat({ max: 3 });
const page = fc.nat({ max: PAGES.length - 1 });
const gentle: fc.Arbitrary<Step>[] = [
  fc.record({ do: fc.constant("purge" as const), by, page }),
  fc.record({ do: fc.constant("render" as const), by, page, ms: fc.constantFrom(0, 3, 50, 700) }),
  fc.record({ do: fc.constant("ask" as const), by, page }),
  fc.record({ do: fc.constant("wait" as const), ms: fc.constantFrom(1, 5, 40, 300, 900, 1_300, 3_000) }),
];
const faults: fc.Arbitrary<Step>[] = [
  fc.record({ do: fc.constantFrom("cut" as const, "deaf" as const, "heal" as const, "heal" as const), by }),
  fc.record({ do: fc.constantFrom("close" as const, "open" as const, "open" as const), by }),
  fc.record({ do: fc.constantFrom("restart" as const, "empty" as const, "copy" as const, "fail over" as const) }),
  fc.record({ do: fc.constant("rewind" as const), count: fc.integer({ min: 1, max: 4 }) }),
  fc.record({ do: fc.constant("trim" as const), keep: fc.integer({ min: 1, max: 3 }) }),
];

/** Histories of so many steps at most. */
export function anyHistory(maxLength: number): fc.Arbitrary<readonly Step[]> {
  const steps = [
    ...gentle.map((arbitrary) => ({ arbitrary, weight: 3 })),
    ...faults.map((arbitrary) => ({ arbitrary, weight: 1 })),
  ];
  return fc.array(fc.oneof(...steps), { minLength: 8, maxLength });
}

export interface Ran {
  /** Answers that named what a resolved purge had named before they were asked for. */
  readonly stale: readonly string[];
  readonly asked: number;
  readonly answered: number;
  readonly confirmed: number;
  readonly rejected: number;
}

export interface RunOptions {
  readonly settings?: TierSettings;
  readonly weakness?: Weakness;
  /** Machines share their pages, too. */
  readonly pages?: boolean;
}

/** Two machines of two processes each. */
export async function run(
  history: readonly Step[],
  { pages = false, settings, weakness }: RunOptions = {},
): Promise<Ran> {
  const world = new World();
  const dirs = [world.directory(), world.directory()] as const;
  const start = (index: number): Process =>
    world.process(
      dirs[index % 2] as string,
      { purge: { timeout: 4 }, ...settings },
      { ...(weakness && { weakness }), ...(pages && { pages: {} }) },
    );
  const processes: (Process | undefined)[] = [0, 1, 2, 3].map(start);
  const truth = PAGES.map(() => 0);
  const confirmed = PAGES.map(() => 0);
  const counts = { asked: 0, answered: 0, confirmed: 0, rejected: 0 };
  const stale: string[] = [];
  const under: Promise<unknown>[] = [];
  let copy: Server | undefined;

  const ask = async (process: Process | undefined, at: number, label: string): Promise<void> => {
    if (process === undefined) return;
    const known = confirmed[at] as number;
    const answer = await process.get(PAGES[at] as string);
    counts.asked++;
    if (answer === undefined) return;
    counts.answered++;
    if (!answer.endsWith("(stale)") && Number(answer) < known) stale.push(`${label}: ${answer} after ${known}`);
  };

  const step = async (one: Step, index: number): Promise<void> => {
    const process = "by" in one ? processes[one.by] : undefined;
    switch (one.do) {
      case "purge": {
        if (process === undefined) return;
        const version = ++truth[one.page]!;
        const purged = process.purgeTag(`t${one.page}`).then(
          () => {
            counts.confirmed++;
            confirmed[one.page] = Math.max(confirmed[one.page] as number, version);
          },
          () => void counts.rejected++,
        );
        under.push(purged);
        return;
      }
      case "render": {
        if (process === undefined) return;
        const birth = process.store.positionNow();
        const text = String(truth[one.page]);
        const stored = (): void =>
          process.store.put(
            process.head(PAGES[one.page] as string, [`t${one.page}`], birth),
            Buffer.from(text),
          ) as unknown as void;
        if (one.ms === 0) stored();
        else world.time.after(one.ms, stored);
        return;
      }
      case "ask":
        // Where the engine is asked for it, time has to pass until there is an answer.
        under.push(ask(process, one.page, `step ${index}`));
        return;
      case "wait":
        return world.time.advance(one.ms);
      case "cut":
      case "deaf":
      case "heal":
        if (process !== undefined) process.line.state = one.do === "heal" ? "open" : one.do;
        return;
      case "close": {
        processes[one.by] = undefined;
        if (process !== undefined) under.push(process.store.close());
        return;
      }
      case "open":
        processes[one.by] ??= start(one.by);
        return;
      case "restart":
        return world.server.restart();
      case "empty":
        return world.server.empty();
      case "copy":
        copy = world.server.copy();
        return;
      case "fail over":
        if (copy !== undefined) world.moveTo(copy);
        copy = undefined;
        return;
      case "rewind":
        world.server.rewind(one.count);
        return world.server.restart();
      case "trim":
        return world.server.trim(one.keep);
    }
  };

  try {
    await world.settle();
    for (const [index, one] of history.entries()) {
      await step(one, index);
      await world.time.advance(1);
    }
    // Whatever is under way ends, and every process is asked at many moments.
    for (let ms = 0; ms < LEASE_MS * 3; ms += 200) {
      for (const process of processes)
        for (const at of PAGES.keys()) await world.time.until(ask(process, at, `after ${ms} ms`));
      await world.time.advance(200);
    }
    await world.time.until(Promise.all(under));
    for (const process of processes)
      for (const at of PAGES.keys()) await world.time.until(ask(process, at, "at the end"));
  } finally {
    await world.close();
  }
  return { stale, ...counts };
}
