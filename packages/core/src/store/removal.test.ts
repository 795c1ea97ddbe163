/** What is taken for the removal of the directory by another program, and what is not. */
import { mkdirSync, rmdirSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { temporaryDirectory } from "../../../../test/support/temporary-directory.js";
import { nodeFileSystem } from "./file-system.js";
import { Removal } from "./removal.js";

const SHARDS = ["00", "01", "02", "03", "fe"];

/** A directory in use, and what is known of it; all shards seem to hold something. */
function used() {
  const root = temporaryDirectory();
  const state = { elapsed: 0, sweptAt: 0 };
  for (const name of ["locks", "usage", ...SHARDS]) mkdirSync(join(root, name));
  const shards = { holds: () => true, sweptAt: () => state.sweptAt };
  const removal = new Removal(nodeFileSystem, root, () => state.elapsed, shards);
  removal.mayMake();
  state.elapsed += 1000;
  expect(removal.mayMake()).toBe(true);
  return { removal, state, remove: (...names: string[]) => names.forEach((name) => rmdirSync(join(root, name))) };
}

it("shards that go although they hold entries, and no sweep makes progress, are a sign of it", () => {
  const { removal, remove } = used();
  remove("00", "01");
  expect([removal.mayMake(), removal.resting]).toEqual([false, true]);
});

it("shards that go one after the other are, too", () => {
  const { removal, remove } = used();
  remove("00");
  expect(removal.mayMake()).toBe(true);
  remove("fe");
  expect(removal.mayMake()).toBe(false);
});

it("shards that a sweep may have removed are not, however many", () => {
  const { removal, state, remove } = used();
  remove("00", "01", "02");
  state.sweptAt = Date.now();
  expect(removal.mayMake()).toBe(true);
  // Its next step may leave no visible trace: file systems record times in ticks.
  remove("03", "fe");
  expect(removal.mayMake()).toBe(true);
});

it("shards that go after a sweep that is long over are", () => {
  const { removal, state, remove } = used();
  state.sweptAt = Date.now() - 3_600_000;
  remove("00");
  expect(removal.mayMake()).toBe(true);
  remove("01", "02");
  expect(removal.mayMake()).toBe(false);
});

it("anything else that goes is, whatever sweeps", () => {
  const { removal, state, remove } = used();
  state.sweptAt = Date.now();
  remove("locks");
  expect(removal.mayMake()).toBe(false);
});
