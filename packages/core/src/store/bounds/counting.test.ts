import { describe, expect, it } from "vitest";
import { Recount } from "./counting.js";

function place() {
  const ledgers = new Map<number, number>();
  const state = { writing: false };
  const at = (shard: number) => ({ bytes: (ledgers.get(shard) ?? 0) * 4096, entries: ledgers.get(shard) ?? 0 });
  const recount = new Recount(at, () => state.writing);
  return {
    recount,
    state,
    count: (shard: number) => recount.counted(shard, at(shard)),
    write: ledgers.set.bind(ledgers),
  };
}

describe("what was counted while somebody wrote there", () => {
  it("is nothing when nobody wrote", () => {
    const { recount, count } = place();
    for (let shard = 0; shard < 4; shard++) count(shard);
    expect(recount.take()).toBeUndefined();
    expect(recount.take()).toEqual([]);
    expect(recount.any).toBe(false);
  });

  it("is counted again when nothing changes any more", () => {
    const { recount, count, write } = place();
    for (let shard = 0; shard < 4; shard++) count(shard);
    write(2, 1);
    expect(recount.take()).toBeUndefined();
    write(3, 1);
    expect(recount.take()).toBeUndefined();
    expect(recount.take()).toEqual([2, 3]);
    count(2);
    expect(recount.take()).toBeUndefined();
    expect(recount.take()).toEqual([]);
  });

  it("is not told of while this process writes", () => {
    const { recount, count, write, state } = place();
    count(0);
    write(0, 1);
    state.writing = true;
    expect([recount.take(), recount.take()]).toEqual([undefined, undefined]);
    state.writing = false;
    expect(recount.take()).toEqual([0]);
  });

  it("does not matter when somebody else has counted since", () => {
    const { recount, count, write } = place();
    count(0);
    write(0, 1);
    recount.clear();
    expect(recount.any).toBe(false);
  });
});
