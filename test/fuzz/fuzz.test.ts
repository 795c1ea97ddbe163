/** A short run of the fuzzer with a seed of its own; `npm run fuzz` has the long one. */
import { expect, it } from "vitest";
import { temporaryDirectory } from "../support/temporary-directory.js";
import { fuzzFiles } from "./files.js";
import { Random } from "./random.js";
import { fuzzRequests } from "./requests.js";
import { fuzzSockets } from "./sockets.js";

it.each([
  { what: "entry files", fuzz: fuzzFiles, runs: 1500 },
  { what: "requests", fuzz: fuzzRequests, runs: 1500 },
  { what: "bytes on a socket", fuzz: fuzzSockets, runs: 300 },
])("mutated $what break nothing, and get nobody else's page", async ({ fuzz, runs }) => {
  const { hits, misses, wrong } = await fuzz(temporaryDirectory(), runs, new Random(20_261_127));
  expect(wrong).toEqual([]);
  expect(Math.min(hits, misses)).toBeGreaterThan(0);
});
