import { expect, it } from "vitest";
import { tourTable } from "./table.js";

it("puts pages to the left, numbers to the right, and says which pages were kept from an earlier run", () => {
  const table = tourTable([
    { path: "/", bytes: 100_195, renderedMs: 83.24, cachedMs: 0.064, problems: [] },
    { path: "/?q=cache", bytes: 977, renderedMs: undefined, cachedMs: 0.4, problems: [] },
  ]);
  expect(table.split("\n")).toEqual([
    "page          bytes   rendered in   from cache in   times faster",
    "/           100,195       83.2 ms         0.06 ms          1,301",
    "/?q=cache       977    hit (kept)         0.40 ms              –",
  ]);
});
