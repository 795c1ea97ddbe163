import { describe, expect, it } from "vitest";
import { isCodable, isCompressibleType, LEAST_CODED_BYTES, MOST_CODED_BYTES } from "./codable.js";

const HTML = ["Content-Type", "text/html; charset=utf-8"];

describe("a response that its handler sent without a coding", () => {
  it.each([
    { given: "a page", status: 200, fields: HTML, codable: true },
    { given: "a page that is not there", status: 404, fields: HTML, codable: true },
    { given: "a part", status: 206, fields: HTML, codable: false },
    {
      given: "a part under another status",
      status: 200,
      fields: [...HTML, "Content-Range", "bytes 0-9/99"],
      codable: false,
    },
    { given: "one without content", status: 204, fields: HTML, codable: false },
    { given: "an answer to a condition", status: 304, fields: HTML, codable: false },
    { given: "one without a type", status: 200, fields: [], codable: false },
    { given: "one that is coded", status: 200, fields: [...HTML, "content-encoding", "gzip"], codable: false },
    {
      given: "one that says it has none",
      status: 200,
      fields: [...HTML, "Content-Encoding", "identity"],
      codable: false,
    },
    {
      given: "the shortest worth it",
      status: 200,
      fields: [...HTML, "Content-Length", `${LEAST_CODED_BYTES}`],
      codable: true,
    },
    {
      given: "a shorter one",
      status: 200,
      fields: [...HTML, "Content-Length", `${LEAST_CODED_BYTES - 1}`],
      codable: false,
    },
    { given: "the longest", status: 200, fields: [...HTML, "Content-Length", `${MOST_CODED_BYTES}`], codable: true },
    {
      given: "a longer one",
      status: 200,
      fields: [...HTML, "Content-Length", `${MOST_CODED_BYTES + 1}`],
      codable: false,
    },
    {
      given: "several lengths",
      status: 200,
      fields: [...HTML, "Content-Length", "2000", "Content-Length", "2000"],
      codable: false,
    },
    {
      given: "no-transform",
      status: 200,
      fields: [...HTML, "Cache-Control", "max-age=5, No-Transform"],
      codable: false,
    },
    {
      given: "no-transform in another line",
      status: 200,
      fields: [...HTML, "Cache-Control", "public", "cache-control", "no-transform"],
      codable: false,
    },
  ])("$given: $codable", ({ status, fields, codable }) => {
    expect(isCodable({ status, statusText: "", rawHeaders: fields }, [])).toBe(codable);
  });

  it("is left alone where it varies on Accept-Encoding", () => {
    const head = { status: 200, statusText: "", rawHeaders: HTML };
    expect([isCodable(head, ["accept-encoding", "cookie"]), isCodable(head, ["cookie"])]).toEqual([false, true]);
  });
});

describe("media types", () => {
  it.each([
    ["text/html", true],
    ["TEXT/Plain;charset=utf-8", true],
    ["application/json ; charset=utf-8", true],
    ["application/problem+json", true],
    ["application/atom+xml", true],
    ["image/svg+xml", true],
    ["application/wasm", true],
    ["font/ttf", true],
    ["text/event-stream", false],
    ["font/woff2", false],
    ["image/png", false],
    ["image/jpeg", false],
    ["video/mp4", false],
    ["application/pdf", false],
    ["application/zip", false],
    ["application/octet-stream", false],
    ["", false],
    [undefined, false],
  ])("%s: %s", (type, compressible) => {
    expect(isCompressibleType(type)).toBe(compressible);
  });
});
