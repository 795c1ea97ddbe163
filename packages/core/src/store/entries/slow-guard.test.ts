/** When the disk counts as slow, and what is not taken for it: a busy processor. */
import { describe, expect, it } from "vitest";
import { SlowGuard } from "./slow-guard.js";

const LIMIT_MS = 1;
const SPIKE_MS = 100;
const REST_MS = 250;

/** A guard in a process whose time and whose threads' fate the test decides. */
function guarded({ counts = true } = {}): {
  readonly guard: SlowGuard;
  reads(ms: number, how: "asleep" | "preempted"): void;
  readsTogether(count: number, ms: number, how?: "alone" | "preempted", poolMs?: number): void;
} {
  let now = 1000;
  let voluntaryContextSwitches = counts ? 7 : 0;
  let involuntaryContextSwitches = counts ? 3 : 0;
  const switches = (): { voluntaryContextSwitches: number; involuntaryContextSwitches: number } => ({
    voluntaryContextSwitches,
    involuntaryContextSwitches,
  });
  let through: (() => void) | undefined;
  const throughPool = (done: () => void): void => void (through = done);
  const guard = new SlowGuard(LIMIT_MS, SPIKE_MS, REST_MS, () => now, switches, throughPool);
  return {
    guard,
    reads(ms, how) {
      const startedMs = guard.begin();
      now += ms;
      if (counts && how === "asleep") voluntaryContextSwitches++;
      if (counts && how === "preempted") involuntaryContextSwitches++;
      guard.synchronous(startedMs);
    },
    readsTogether(count, ms, how = "alone", poolMs = 0) {
      const all = Array.from({ length: count }, () => guard.asynchronous(3));
      now += poolMs;
      through?.();
      through = undefined;
      now += ms - poolMs;
      voluntaryContextSwitches++;
      if (how === "preempted") involuntaryContextSwitches++;
      for (const over of all) over();
    },
  };
}

function slow(): ReturnType<typeof guarded> {
  const made = guarded();
  made.reads(20, "asleep");
  made.reads(20, "asleep");
  expect(made.guard.quick).toBe(false);
  return made;
}

describe("a disk that is asked synchronously", () => {
  it("is slow after two calls in a row that waited for it", () => {
    const { guard, reads } = guarded();
    reads(0.01, "asleep");
    reads(20, "asleep");
    expect(guard.quick).toBe(true);
    reads(20, "asleep");
    expect(guard.quick).toBe(false);
  });

  it("is slow after one call of the longest kind", () => {
    const { guard, reads } = guarded();
    reads(SPIKE_MS + 1, "asleep");
    expect(guard.quick).toBe(false);
  });

  it("is not slow because the processor is taken away again and again", () => {
    const { guard, reads } = guarded();
    for (let index = 0; index < 50; index++) reads(40, "preempted");
    expect(guard.quick).toBe(true);
    reads(20, "asleep");
    expect(guard.quick).toBe(false);
  });

  it("is believed to be slow where nobody counts who waited", () => {
    const { guard, reads } = guarded({ counts: false });
    reads(20, "preempted");
    reads(20, "preempted");
    expect(guard.quick).toBe(false);
  });
});

describe("a slow disk that is asked asynchronously", () => {
  it("is quick again when it answers quickly after its rest", () => {
    const { guard, readsTogether } = slow();
    for (let index = 0; index < 10; index++) readsTogether(1, 0.5);
    expect(guard.quick).toBe(false);
    for (let index = 0; index < REST_MS * 2; index++) readsTogether(1, 0.5);
    expect(guard.quick).toBe(true);
  });

  it("is quick again under load, where each call waits for those before it", () => {
    const { guard, readsTogether } = slow();
    for (let index = 0; index < 100; index++) readsTogether(64, 4);
    expect(guard.quick).toBe(true);
  });

  it("stays slow under load when it is", () => {
    const { guard, readsTogether } = slow();
    for (let index = 0; index < 100; index++) readsTogether(64, 320);
    expect(guard.quick).toBe(false);
  });

  it("is quick again where the way through the thread pool is what takes the time", () => {
    const { guard, readsTogether } = slow();
    for (let index = 0; index < 100; index++) readsTogether(64, 320, "alone", 110);
    expect(guard.quick).toBe(true);
  });

  it("stays slow where the disk takes longer than that", () => {
    const { guard, readsTogether } = slow();
    for (let index = 0; index < 100; index++) readsTogether(64, 320, "alone", 90);
    expect(guard.quick).toBe(false);
  });

  it("does not stay slow because the processor was taken away now and then", () => {
    const { guard, readsTogether } = slow();
    for (let index = 0; index < 20; index++) {
      readsTogether(1, 40, "preempted");
      readsTogether(1, 0.1);
    }
    expect(guard.quick).toBe(true);
  });
});
