import { describe, expect, it } from "vitest";
import { Credentials } from "../key/credentials.js";
import { besideOthers, headToStore, outerFields } from "./stored-head.js";
import { refreshHeaders } from "./stale.js";

const AT = Date.parse("2026-01-02T03:04:05Z");

describe("the head that is stored", () => {
  const stored = (rawHeaders: readonly string[], vary: readonly string[] = []) =>
    headToStore({ status: 200, statusText: "", rawHeaders }, vary, AT).rawHeaders;

  it("has a Date, the handler's or that of the moment", () => {
    expect(stored(["X", "1"])).toEqual(["X", "1", "Date", "Fri, 02 Jan 2026 03:04:05 GMT"]);
    expect(stored(["Date", "Thu, 01 Jan 2026 00:00:00 GMT"])).toEqual(["Date", "Thu, 01 Jan 2026 00:00:00 GMT"]);
  });

  it("has no fields of the connection, nor those it names, nor labels that are ours alone", () => {
    const raw = [
      "Date",
      "x",
      "Connection",
      "keep-alive, X-Hop",
      "X-Hop",
      "1",
      "Keep-Alive",
      "5",
      "Transfer-Encoding",
      "chunked",
      "Cache-Tag",
      "a",
      "Surrogate-Key",
      "b",
      "X",
      "1",
    ];
    expect(stored(raw)).toEqual(["Date", "x", "X", "1"]);
  });

  it("names every field the page varies on", () => {
    expect(stored(["Date", "x", "Vary", "Accept"], ["accept", "x-plan"])).toEqual([
      "Date",
      "x",
      "Vary",
      "Accept, x-plan",
    ]);
  });
});

it("Cache-Status comes after what is there", () => {
  expect(besideOthers([], "cache-status", "diskcache; hit")).toBe("diskcache; hit");
  expect(besideOthers(["Cache-Status", "a; hit", "cache-status", "b"], "cache-status", "diskcache; hit")).toBe(
    "a; hit, b, diskcache; hit",
  );
});

describe("a field that was set before the handler ran", () => {
  it.each([
    { given: "left alone", after: ["X", "1"], kept: ["x"], removed: [] },
    { given: "changed", after: ["X", "2"], kept: [], removed: [] },
    { given: "added to", after: ["X", "1", "X", "2"], kept: [], removed: [] },
    { given: "removed", after: ["Y", "1"], kept: [], removed: ["x"] },
  ])("and was $given is remembered as such", ({ after, kept, removed }) => {
    expect(outerFields(["X", "1"], after)).toEqual({ kept, removed });
  });

  it("belongs to the body when it may hold a nonce of it", () => {
    const policy = ["Content-Security-Policy", "script-src 'nonce-1'"];
    expect(outerFields(policy, policy)).toEqual({ kept: [], removed: [] });
  });
});

const credentials = new Credentials({ fields: [], ignore: [], certificate: true, user: true });

describe("the fields a refresh goes out with", () => {
  it("select the page, and are nobody's own", () => {
    const raw = [
      "Host",
      "a",
      "Accept-Language",
      "de",
      "Authorization",
      "Basic x",
      "Cookie",
      "session=1; theme=dark; _ga=2",
      "If-None-Match",
      '"v"',
      "Range",
      "bytes=0-1",
      "Cache-Control",
      "no-cache",
      "Connection",
      "close",
      "X-API-Key",
      "k",
      "Referer",
      "http://a/",
      "X-Forwarded-Host",
      "b",
    ];
    expect(refreshHeaders(raw, { ignore: ["_ga"], key: ["theme"] }, credentials)).toEqual([
      "Host",
      "a",
      "Accept-Language",
      "de",
      "Cookie",
      "theme=dark",
      "X-Forwarded-Host",
      "b",
    ]);
  });

  it("have no Cookie where none is part of the key", () => {
    expect(refreshHeaders(["Host", "a", "Cookie", "session=1"], { ignore: [], key: [] }, credentials)).toEqual([
      "Host",
      "a",
    ]);
  });
});
