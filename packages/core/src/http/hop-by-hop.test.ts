import { describe, expect, it } from "vitest";
import { withoutHopByHop } from "./hop-by-hop.js";

describe("RFC 9110 §7.6.1 hop-by-hop fields", () => {
  it.each([
    "Connection",
    "Keep-Alive",
    "Proxy-Authenticate",
    "Proxy-Authentication-Info",
    "Proxy-Authorization",
    "Proxy-Connection",
    "TE",
    "Trailer",
    "Transfer-Encoding",
    "Upgrade",
  ])("drops %s", (name) => {
    expect(withoutHopByHop(["A", "1", name, "x", "B", "2"])).toEqual(["A", "1", "B", "2"]);
  });

  it("drops the fields that any Connection line nominates, in any letter case", () => {
    const raw = ["Connection", "a, B", "connection", "close, C", "A", "1", "b", "2", "c", "3", "d", "4", "C", "5"];
    expect(withoutHopByHop(raw)).toEqual(["d", "4"]);
  });

  it.each(["Content-Length", "Set-Cookie", "X-Test", "Warning", "Via"])("keeps %s", (name) => {
    expect(withoutHopByHop([name, "x"])).toEqual([name, "x"]);
  });

  it.each(["Cache-Control", "Vary", "Expires", "Age", "Set-Cookie", "Date"])(
    "keeps %s although it is nominated",
    (name) => {
      expect(withoutHopByHop(["Connection", name, name, "x"])).toEqual([name, "x"]);
    },
  );
});
