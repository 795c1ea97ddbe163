import { IncomingMessage, ServerResponse } from "node:http";
import { Socket } from "node:net";
import { describe, expect, it } from "vitest";
import { headerGroups, headersGiven, headersSetOn, setHeaderGroup } from "./header-groups.js";

describe("field lines", () => {
  it("go into groups by name in any case, repeats in their order, spelled as the first", () => {
    const groups = headerGroups(["X-A", "1", "Y", "2", "x-a", "3"]);
    expect([...groups]).toEqual([
      ["x-a", { name: "X-A", values: ["1", "3"] }],
      ["y", { name: "Y", values: ["2"] }],
    ]);
  });

  it("set on a response are read back as they were", () => {
    const res = new ServerResponse(new IncomingMessage(new Socket()));
    const raw = ["X-A", "1", "X-A", "2", "Content-Length", "3", "Set-Cookie", "a=1"];
    for (const group of headerGroups(raw).values()) setHeaderGroup(res, group);
    expect(headersSetOn(res)).toEqual(raw);
    res.setHeader("X-Number", 7);
    expect(headersSetOn(res).slice(-2)).toEqual(["X-Number", "7"]);
  });
});

describe("what is given to writeHead", () => {
  it.each([
    {
      as: "an object",
      given: { "X-A": "1", "X-B": ["2", "3"], "X-N": 4 },
      raw: ["X-A", "1", "X-B", "2", "X-B", "3", "X-N", "4"],
    },
    { as: "a flat array", given: ["X-A", "1", "X-B", "2", "X-B", "3"], raw: ["X-A", "1", "X-B", "2", "X-B", "3"] },
    { as: "a flat array with a list", given: ["X-A", ["1", "2"]], raw: ["X-A", "1", "X-A", "2"] },
    {
      as: "pairs",
      given: [
        ["X-A", "1"],
        ["X-B", 2],
      ],
      raw: ["X-A", "1", "X-B", "2"],
    },
    { as: "nothing", given: undefined, raw: [] },
    { as: "null", given: null, raw: [] },
    { as: "an empty array", given: [], raw: [] },
  ])("as $as are the same field lines", ({ given, raw }) => {
    expect(headersGiven(given)).toEqual(raw);
  });
});
