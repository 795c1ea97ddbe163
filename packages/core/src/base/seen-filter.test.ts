import { expect, it } from "vitest";
import { SeenFilter } from "./recent.js";

it("knows what it has met, and nothing else", () => {
  const sightings = new SeenFilter();
  expect([sightings.meet("/a"), sightings.meet("/a"), sightings.meet("/b"), sightings.meet("/a")]).toEqual([
    false,
    true,
    false,
    true,
  ]);
});

it("knows most of ten thousand, and hardly any of a million", () => {
  const known = (count: number): number => {
    const sightings = new SeenFilter();
    const meet = (): number =>
      Array.from({ length: count }, (_, n) => sightings.meet(`/page-${n}`)).filter(Boolean).length;
    meet();
    return meet() / count;
  };
  expect(known(10_000)).toBeGreaterThan(0.7);
  expect(known(1_000_000)).toBeLessThan(0.01);
});
