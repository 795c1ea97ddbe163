/** What goes wrong in the chaos, by name; each is over when its promise settles. */
import { setTimeout as pause } from "node:timers/promises";
import type { Machine, Scene, Worker } from "./chaos-scene.js";

/** Numbers from a seed: 0 to 1, without 1. */
export type Random = () => number;

export function seeded(seed: number): Random {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

export function oneOf<Item>(random: Random, items: readonly Item[]): Item {
  return items[Math.floor(random() * items.length)] as Item;
}

type Fault = (scene: Scene, random: Random) => Promise<void>;

const between = (random: Random, from: number, to: number): number => from + random() * (to - from);

const anyMachine = ({ machines }: Scene, random: Random): Machine => oneOf(random, machines);
const anyWorker = (scene: Scene, random: Random): Worker => oneOf(random, anyMachine(scene, random).workers);

/** Of the engine; one at a time. */
const OF_ENGINE = {
  "server killed": async ({ engine }, random) => {
    await engine.kill();
    await pause(between(random, 0, 2_500));
    await engine.start();
  },
  "server stopped": async ({ engine }, random) => {
    engine.suspend();
    await pause(between(random, 100, 3_000));
    engine.resume();
  },
  flushed: ({ engine }) => engine.flush(),
  "failed over": ({ engine, machines }, random) =>
    engine.failOver(
      between(random, 50, 900),
      machines.map(({ way }) => way),
    ),
} as const satisfies Record<string, Fault>;

/** Of a machine, or of a process of it; one at a time. */
const OF_MACHINES = {
  "way cut": async (scene, random) => {
    const { way } = anyMachine(scene, random);
    way.cut();
    await pause(between(random, 100, 4_000));
    way.mend();
  },
  "black hole": async (scene, random) => {
    const { way } = anyMachine(scene, random);
    way.blackHole();
    await pause(between(random, 100, 4_000));
    way.mend();
  },
  "process killed": async (scene, random) => {
    const worker = anyWorker(scene, random);
    await worker.kill();
    await pause(between(random, 0, 800));
    await worker.start();
  },
  "process stopped": async (scene, random) => {
    const worker = anyWorker(scene, random);
    worker.suspend();
    await pause(between(random, 100, 4_000));
    worker.resume();
  },
  "machine away": async (scene, random) => {
    const { workers } = anyMachine(scene, random);
    const closes = random() < 0.5;
    await Promise.all(workers.map((worker) => (closes ? worker.close() : worker.kill())));
    await pause(between(random, 500, 4_000));
    await Promise.all(workers.map((worker) => worker.start()));
  },
} as const satisfies Record<string, Fault>;

export type FaultName = keyof typeof OF_ENGINE | keyof typeof OF_MACHINES;

export const FAULTS: readonly FaultName[] = [
  ...(Object.keys(OF_ENGINE) as (keyof typeof OF_ENGINE)[]),
  ...(Object.keys(OF_MACHINES) as (keyof typeof OF_MACHINES)[]),
];

export interface FaultDeps {
  readonly scene: Scene;
  readonly seed: number;
  readonly chosen: readonly FaultName[];
  /** Machines are left alone until all of them are in touch: what an engine has lost while one was away, no machine can tell
   * that one while the others are away. */
  readonly rests: boolean;
  readonly over: () => boolean;
  readonly begun: (fault: FaultName) => void;
}

/** The longest time between two faults. After one of the engine, purges take a lease until a lease has passed. */
const ENGINE_RESTS_MS = 9_000;
const MACHINES_REST_MS = 1_500;

/** Lets things go wrong, in the engine and at machines at the same time, until it is over; all is mended then. */
export async function goWrong({ begun, chosen, over, rests, scene, seed }: FaultDeps): Promise<void> {
  const inTurn = async (
    faults: Readonly<Record<string, Fault>>,
    longestRestMs: number,
    random: Random,
  ): Promise<void> => {
    const names = Object.keys(faults).filter((name) => chosen.includes(name as FaultName)) as FaultName[];
    while (names.length > 0 && !over()) {
      await pause(between(random, 200, longestRestMs));
      if (rests && faults === OF_MACHINES) await scene.inTouch(over);
      if (over()) return;
      const name = oneOf(random, names);
      begun(name);
      await faults[name]!(scene, random);
    }
  };
  await Promise.all([
    inTurn(OF_ENGINE, ENGINE_RESTS_MS, seeded(seed)),
    inTurn(OF_MACHINES, MACHINES_REST_MS, seeded(seed + 1)),
  ]);
}
