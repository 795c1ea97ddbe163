import { expect, it } from "vitest";
import { crash } from "./crash.mjs";

it("a writer that is killed leaves whole entries only, and no litter for long", async () => {
  const { kills, whole, wrong } = await crash(12);
  expect(wrong).toEqual([]);
  expect(kills).toBe(12);
  expect(whole).toBeGreaterThan(0);
}, 60_000);
