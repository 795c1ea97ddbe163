import { describe, expect, it } from "vitest";
import type { ResponseHead } from "../base/exchange.js";
import { headUpdate } from "./freshen.js";

const DATE = "Sat, 01 Jun 2024 12:00:00 GMT";
const head = (rawHeaders: readonly string[], status = 200): ResponseHead => ({ status, statusText: "", rawHeaders });

describe("RFC 9111 §4.3.5 what a HEAD tells about a stored GET", () => {
  it.each([
    { ours: ["ETag", '"a"'], theirs: ["ETag", '"a"'], outcome: "freshen" },
    { ours: ["ETag", '"a"'], theirs: ["ETag", '"b"'], outcome: "invalidate" },
    { ours: [], theirs: ["ETag", '"b"'], outcome: "invalidate" },
    { ours: ["Last-Modified", DATE], theirs: ["Last-Modified", DATE], outcome: "freshen" },
    { ours: ["Last-Modified", DATE], theirs: ["Last-Modified", "x"], outcome: "invalidate" },
    {
      ours: ["ETag", '"a"', "Last-Modified", DATE],
      theirs: ["ETag", '"a"', "Last-Modified", "x"],
      outcome: "invalidate",
    },
    {
      ours: ["ETag", '"a"', "Content-Length", "5"],
      theirs: ["ETag", '"a"', "Content-Length", "5"],
      outcome: "freshen",
    },
    {
      ours: ["ETag", '"a"', "Content-Length", "5"],
      theirs: ["ETag", '"a"', "Content-Length", "6"],
      outcome: "invalidate",
    },
    { ours: ["ETag", '"a"'], theirs: [], outcome: "ignore" },
    { ours: ["Content-Length", "5"], theirs: ["Content-Length", "6"], outcome: "invalidate" },
    { ours: [], theirs: ["Cache-Control", "max-age=60"], outcome: "ignore" },
  ])("$ours and $theirs: $outcome", ({ ours, theirs, outcome }) => {
    expect(headUpdate(head(ours), head(theirs))).toBe(outcome);
  });

  it("compares with the length of the stored body where its head has none", () => {
    const theirs = head(["ETag", '"a"', "Content-Length", "6"]);
    expect(headUpdate(head(["ETag", '"a"']), theirs, 6)).toBe("freshen");
    expect(headUpdate(head(["ETag", '"a"']), theirs, 5)).toBe("invalidate");
  });

  it.each([304, 404, 410, 500])("learns nothing from a %d", (status) => {
    expect(headUpdate(head(["ETag", '"a"']), head(["ETag", '"b"'], status))).toBe("ignore");
  });
});
