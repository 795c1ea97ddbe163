import { expect, it } from "vitest";
import { crash } from "./crash.mjs";

/** For what hangs: on a busy machine it takes many seconds only to start the processes. */
const LIMIT_MS = 180_000;

it(
  "a writer that is killed leaves whole entries only, and no litter for long",
  async () => {
    const { kills, whole, wrong } = await crash(8);
    expect(wrong).toEqual([]);
    expect(kills).toBe(8);
    expect(whole).toBeGreaterThan(0);
  },
  LIMIT_MS,
);
