import { describe, expect, it } from "vitest";
import { codedHead, codedTag, withCodingVary, withoutCodingVary } from "./coded-entry.js";

const BODY_TAG = '"2f-x"';

describe("the entity tag in a coding", () => {
  it.each([
    { given: '"abc"', tag: '"abc-br"' },
    { given: '""', tag: '"-br"' },
    { given: 'W/"abc"', tag: '"2f-x-br"' },
    { given: "abc", tag: '"2f-x-br"' },
    { given: '"', tag: '"2f-x-br"' },
  ])("of $given is $tag: strong, and another one in each coding", ({ given, tag }) => {
    expect(codedTag(given, "br", BODY_TAG)).toBe(tag);
    expect(codedTag(given, "gzip", BODY_TAG)).not.toBe(tag);
  });
});

describe("the head in a coding", () => {
  it("says nothing any more of the bytes without it", () => {
    const rawHeaders = [
      ["Content-Type", "text/html"],
      ["ETag", '"v"'],
      ["Content-Length", "900"],
      ["Accept-Ranges", "bytes"],
      ...["Content-MD5", "Digest", "Content-Digest", "Repr-Digest"].map((name) => [name, "x"]),
      ["X", "1"],
    ].flat();
    expect(codedHead({ status: 404, statusText: "No", rawHeaders }, "br", BODY_TAG)).toEqual({
      status: 404,
      statusText: "No",
      rawHeaders: ["Content-Type", "text/html", "ETag", '"v-br"', "X", "1", "Content-Encoding", "br"],
    });
  });

  it("has no entity tag where there was none", () => {
    const head = { status: 404, statusText: "", rawHeaders: ["X", "1"] };
    expect(codedHead(head, "gzip", BODY_TAG).rawHeaders).toEqual(["X", "1", "Content-Encoding", "gzip"]);
  });
});

describe("Vary of what is sent in several forms", () => {
  it.each([
    { handlers: [], stored: ["Vary", "Accept-Encoding"] },
    { handlers: ["X", "1", "Vary", "Accept"], stored: ["X", "1", "Vary", "Accept, Accept-Encoding"] },
    { handlers: ["vary", "A, B", "X", "1"], stored: ["Vary", "A, B, Accept-Encoding", "X", "1"] },
  ])("names Accept-Encoding, and can be had without it: $handlers", ({ handlers, stored }) => {
    expect(withCodingVary(handlers)).toEqual(stored);
    expect(withCodingVary(stored)).toEqual(stored);
    expect(withCodingVary(withoutCodingVary(stored))).toEqual(stored);
  });

  it("is none without it where it was the only one", () => {
    expect(withoutCodingVary(["Vary", "accept-encoding", "X", "1"])).toEqual(["X", "1"]);
  });
});
