import { describe, expect, it } from "vitest";
import { Recount } from "./usage.js";

function place() {
  const ledgers = new Map<number, number>();
  const state = { writing: false };
  const at = (shard: number) => ({ bytes: (ledgers.get(shard) ?? 0) * 4096, entries: ledgers.get(shard) ?? 0 });
  const suspects = new Recount(at, () => state.writing);
  return {
    suspects,
    state,
    count: (shard: number) => suspects.counted(shard, at(shard)),
    write: ledgers.set.bind(ledgers),
  };
}

describe("what was counted while somebody wrote there", () => {
  it("is nothing when nobody wrote", () => {
    const { suspects, count } = place();
    for (let shard = 0; shard < 4; shard++) count(shard);
    expect(suspects.look()).toBeUndefined();
    expect(suspects.look()).toEqual([]);
    expect(suspects.any).toBe(false);
  });

  it("is counted again when nothing changes any more", () => {
    const { suspects, count, write } = place();
    for (let shard = 0; shard < 4; shard++) count(shard);
    write(2, 1);
    expect(suspects.look()).toBeUndefined();
    write(3, 1);
    expect(suspects.look()).toBeUndefined();
    expect(suspects.look()).toEqual([2, 3]);
    count(2);
    expect(suspects.look()).toBeUndefined();
    expect(suspects.look()).toEqual([]);
  });

  it("is not told of while this process writes", () => {
    const { suspects, count, write, state } = place();
    count(0);
    write(0, 1);
    state.writing = true;
    expect([suspects.look(), suspects.look()]).toEqual([undefined, undefined]);
    state.writing = false;
    expect(suspects.look()).toEqual([0]);
  });

  it("does not matter when somebody else has counted since", () => {
    const { suspects, count, write } = place();
    count(0);
    write(0, 1);
    suspects.clear();
    expect(suspects.any).toBe(false);
  });
});
