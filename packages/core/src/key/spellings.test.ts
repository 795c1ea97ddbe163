import { describe, expect, it } from "vitest";
import { hostName, sentTarget, spellings } from "./spellings.js";

describe("the name of a host", () => {
  it.each([
    ["Example.COM", "example.com"],
    ["example.com:80", "example.com"],
    ["example.com:443", "example.com"],
    ["example.com:", "example.com"],
    ["example.com.", "example.com"],
    ["example.com.:443", "example.com"],
    ["example.com.:8080", "example.com:8080"],
    ["localhost:3000", "localhost:3000"],
    ["[::0001]:3000", "[::1]:3000"],
    ["[0:0:0:0:0:0:0:1]:80", "[::1]"],
    ["[not an address]", "[not an address]"],
    ["", ""],
  ])("of %j is %j", (host, name) => expect(hostName(host)).toBe(name));
});

describe("a target that somebody has written down", () => {
  it.each(["/", "/a/b?c=d&e[]=%7B", "/café?x=ü", '/a b"c', "/{}`<>", "/x?q='a'", "/a|b", "/a?b^c", "/a/../b", "/\t"])(
    "is sent as a URL parser encodes it: %j",
    (target) => {
      const { pathname, search } = new URL(`http://host${target.replace("/../", "/.../")}`);
      expect(sentTarget(target.replace("/../", "/.../").replace("\t", ""))).toBe(pathname + search);
    },
  );

  it("may have been sent in capitals and in small letters", () => {
    expect(spellings("/caf%c3%A9")).toEqual(["/caf%c3%A9", "/caf%C3%A9", "/caf%c3%a9"]);
    // Some URL parsers encode it.
    expect(spellings("/a^b")).toEqual(["/a^b", "/a%5Eb", "/a%5eb"]);
    expect(spellings("/plain?a=b")).toEqual(["/plain?a=b"]);
  });
});
