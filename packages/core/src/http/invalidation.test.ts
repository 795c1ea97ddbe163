import { describe, expect, it } from "vitest";
import { invalidatedTargets, invalidatesTarget } from "./invalidation.js";

describe("RFC 9111 §4.4 what invalidates", () => {
  it.each(["POST", "PUT", "DELETE", "PATCH", "M-SEARCH", "FOO", "get"])("%s does", (method) => {
    expect(invalidatesTarget(method, 200)).toBe(true);
  });

  it.each(["GET", "HEAD", "OPTIONS", "TRACE", "QUERY", "PROPFIND", "REPORT", "SEARCH"])("%s does not", (method) => {
    expect(invalidatesTarget(method, 200)).toBe(false);
  });

  it.each([
    { status: 103, does: false },
    { status: 200, does: true },
    { status: 204, does: true },
    { status: 303, does: true },
    { status: 399, does: true },
    { status: 400, does: false },
    { status: 500, does: false },
  ])("a $status: $does", ({ status, does }) => {
    expect(invalidatesTarget("POST", status)).toBe(does);
  });
});

describe("RFC 9111 §4.4 what is invalidated", () => {
  const REQUEST = { scheme: "https", host: "example.com", target: "/a/b?q=1" };
  const targets = (rawHeaders: readonly string[], request = REQUEST) =>
    invalidatedTargets(request, { status: 200, statusText: "", rawHeaders });
  const OWN = "https://example.com/a/b?q=1";

  it.each([
    { given: "nothing else", fields: [], others: [] },
    { given: "an absolute URI", fields: ["Location", "https://example.com/x?y"], others: ["https://example.com/x?y"] },
    { given: "an absolute path", fields: ["location", "/x"], others: ["https://example.com/x"] },
    { given: "a relative path", fields: ["Content-Location", "x"], others: ["https://example.com/a/x"] },
    { given: "only a query", fields: ["Content-Location", "?z"], others: ["https://example.com/a/b?z"] },
    {
      given: "the default port spelled out",
      fields: ["Location", "https://EXAMPLE.com:443/x"],
      others: ["https://example.com/x"],
    },
    { given: "a fragment", fields: ["Location", "/x#y"], others: ["https://example.com/x"] },
    {
      given: "both fields",
      fields: ["Location", "/x", "Content-Location", "/y"],
      others: ["https://example.com/x", "https://example.com/y"],
    },
    { given: "the target itself", fields: ["Location", "/a/b?q=1"], others: [] },
    { given: "another host", fields: ["Location", "https://example.org/x"], others: [] },
    { given: "another scheme", fields: ["Location", "http://example.com/x"], others: [] },
    { given: "another port", fields: ["Location", "https://example.com:8443/x"], others: [] },
    { given: "another host without a scheme", fields: ["Location", "//example.org/x"], others: [] },
    { given: "what is no URI", fields: ["Location", "http://["], others: [] },
  ])("with $given", ({ fields, others }) => {
    expect(targets(fields)).toEqual([OWN, ...others]);
  });

  it("leaves the target and the host as the request spelled them", () => {
    const request = { scheme: "http", host: "localhost:80", target: "/%61/../b" };
    expect(targets(["Location", "/x"], request)).toEqual(["http://localhost:80/%61/../b", "http://localhost:80/x"]);
  });

  it("takes a target in absolute form as it is", () => {
    expect(targets([], { ...REQUEST, target: "http://other.example/a" })).toEqual(["http://other.example/a"]);
  });

  it.each(["", "a b", "["])("survives the host %j", (host) => {
    expect(targets(["Location", "/x"], { ...REQUEST, host })).toEqual([`https://${host}/a/b?q=1`]);
  });
});
