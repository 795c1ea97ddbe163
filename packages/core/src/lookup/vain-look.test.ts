import { setImmediate } from "node:timers/promises";
import { expect, it } from "vitest";
import { RecentMiss } from "./fast-hit.js";

it("a look in vain is known to the request that took it, for what it looked for, until the turn ends", async () => {
  const look = new RecentMiss();
  const request = ["Host", "www.example.com"];
  expect(look.was(request, "a")).toBe(false);
  look.note(request, "a");
  expect([look.was(request, "a"), look.was(request, "b"), look.was([...request], "a")]).toEqual([true, false, false]);
  look.note([...request], "a");
  expect(look.was(request, "a")).toBe(false);
  await setImmediate();
  look.note(request, "a");
  await setImmediate();
  expect(look.was(request, "a")).toBe(false);
});
