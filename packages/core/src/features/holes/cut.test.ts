import { describe, expect, it } from "vitest";
import { cut, join, markerOf } from "./cut.js";
import { personalFields } from "./holes.js";

const TOKEN = "0123456789abcdef".repeat(2);
const HOLES = { token: TOKEN, names: ["csrf", "nonce"] };
const CSRF = markerOf(TOKEN, 0);
const NONCE = markerOf(TOKEN, 1);

describe("a text with holes", () => {
  it.each([
    { text: "nothing", filled: "nothing" },
    { text: "", filled: "" },
    { text: CSRF, filled: "C" },
    { text: `a${CSRF}b${NONCE}${CSRF}`, filled: "aCbNC" },
    { text: `ü${CSRF}ü`, filled: "üCü" },
    { text: `${markerOf(TOKEN, 2)}${CSRF}`, filled: `${markerOf(TOKEN, 2)}C` },
    { text: CSRF.slice(0, -1), filled: CSRF.slice(0, -1) },
    { text: `hole${CSRF}`, filled: "holeC" },
    { text: markerOf("f".repeat(32), 0), filled: markerOf("f".repeat(32), 0) },
  ])("$text is filled", ({ text, filled }) => {
    const values = new Map([
      ["csrf", "C"],
      ["nonce", "N"],
    ]);
    expect(join(cut(Buffer.from(text), HOLES), values).toString()).toBe(filled);
  });

  it("is not read again once it is filled", () => {
    const values = new Map([["csrf", NONCE]]);
    expect(join(cut(Buffer.from(CSRF), HOLES), values).toString()).toBe(NONCE);
  });
});

describe("the fields of one client's page", () => {
  it.each([
    { given: [], sent: ["Cache-Control", "private"] },
    {
      given: ["ETag", '"a"', "Last-Modified", "x", "Accept-Ranges", "bytes", "Content-Length", "5"],
      sent: ["Cache-Control", "private"],
    },
    { given: ["Cache-Control", "public, max-age=60, s-maxage=90"], sent: ["Cache-Control", "private, max-age=60"] },
    { given: ["cache-control", "no-store", "Cache-Control", "private"], sent: ["Cache-Control", "private, no-store"] },
    {
      given: ["CDN-Cache-Control", "max-age=60", "Surrogate-Control", "x", "X-A", "1"],
      sent: ["X-A", "1", "Cache-Control", "private"],
    },
  ])("are $sent of $given", ({ given, sent }) => {
    expect(personalFields(given)).toEqual(sent);
  });
});
