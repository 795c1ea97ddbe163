import { describe, expect, it } from "vitest";
import { acceptableCodings } from "./negotiation.js";

const OFFERED = ["br", "zstd", "gzip"] as const;

describe("RFC 9110 §12.5.3 Accept-Encoding", () => {
  it.each([
    { given: "an empty field", field: "", codings: [], identity: true },
    { given: "one coding", field: "gzip", codings: ["gzip"], identity: true },
    {
      given: "the usual of a browser",
      field: "gzip, deflate, br, zstd",
      codings: ["br", "zstd", "gzip"],
      identity: true,
    },
    { given: "a coding nobody offers", field: "compress", codings: [], identity: true },
    { given: "anything", field: "*", codings: ["br", "zstd", "gzip"], identity: true },
    { given: "anything but one", field: "*, br;q=0", codings: ["zstd", "gzip"], identity: true },
    { given: "one and nothing else", field: "gzip, *;q=0", codings: ["gzip"], identity: false },
    {
      given: "weights over the order of the offer",
      field: "br;q=0.5, gzip;q=0.8",
      codings: ["gzip", "br"],
      identity: true,
    },
    { given: "equal weights", field: "gzip;q=0.7, br;q=0.7", codings: ["br", "gzip"], identity: true },
    { given: "a weight of 0", field: "gzip;q=0, br;q=0.000", codings: [], identity: true },
    { given: "the least weight there is", field: "gzip;q=0.001", codings: ["gzip"], identity: true },
    { given: "identity alone", field: "identity", codings: [], identity: true },
    { given: "identity liked better", field: "identity;q=1, gzip;q=0.5", codings: [], identity: true },
    {
      given: "identity liked better than some",
      field: "br, identity;q=0.5, gzip;q=0.4",
      codings: ["br"],
      identity: true,
    },
    { given: "identity liked as much", field: "gzip, identity", codings: ["gzip"], identity: true },
    { given: "identity refused", field: "identity;q=0, gzip;q=0.1", codings: ["gzip"], identity: false },
    { given: "identity refused, and nothing offered taken", field: "identity;q=0", codings: [], identity: false },
    { given: "everything refused", field: "*;q=0", codings: [], identity: false },
    { given: "identity taken, everything else refused", field: "identity;q=1, *;q=0", codings: [], identity: true },
    { given: "anything, a little", field: "*;q=0.1, br", codings: ["br", "zstd", "gzip"], identity: true },
    { given: "upper case and white space", field: " GZIP ;\tQ=0.5 ,, Br", codings: ["br", "gzip"], identity: true },
    { given: "an alias of gzip", field: "x-gzip", codings: ["gzip"], identity: true },
    { given: "a weight above 1", field: "br;q=1.1, gzip", codings: ["gzip"], identity: true },
    { given: "a weight that is no number", field: "br;q=high, gzip", codings: ["gzip"], identity: true },
    { given: "a parameter that is no weight", field: "br;level=11", codings: [], identity: true },
    { given: "the same coding twice", field: "br, gzip, br;q=0", codings: ["gzip"], identity: true },
    { given: "what is no list of codings", field: '"br, gzip', codings: [], identity: true },
  ])("$given: $field", ({ field, codings, identity }) => {
    expect(acceptableCodings(field, OFFERED)).toEqual({ codings, identity });
  });

  it("knows only what is offered", () => {
    expect(acceptableCodings("gzip, br", ["gzip"]).codings).toEqual(["gzip"]);
  });
});
