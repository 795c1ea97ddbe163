import { describe, expect, it } from "vitest";
import {
  decodeSearchAlias,
  decodeSearchRecord,
  encodeSearchAlias,
  encodeSearchRecord,
  withRule,
} from "./selection-records.js";
import type { SearchAlias, SearchRecord } from "./selection-records.js";

describe("the rules of a path", () => {
  it("are read as they were written", () => {
    const record: SearchRecord = { kind: "search", rules: ['params=("a")', "key-order"] };
    expect(decodeSearchRecord(encodeSearchRecord(record).split("\n"))).toEqual(record);
    const alias: SearchAlias = { kind: "alias", key: "3:GET 2:/a " };
    expect(decodeSearchAlias(encodeSearchAlias(alias).split("\n"))).toEqual(alias);
  });

  it("are each there once, the newest last, and few", () => {
    let record: SearchRecord | undefined;
    for (const rule of ["a", "b", "a", "c", "d", "e"]) record = withRule(record, rule);
    expect(record?.rules).toEqual(["a", "c", "d", "e"]);
  });
});
