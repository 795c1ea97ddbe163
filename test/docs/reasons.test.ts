import { readFileSync } from "node:fs";
import { join } from "node:path";
import { meaningOf, remedyFor } from "@diskcache/core";
import { describe, expect, it } from "vitest";
import { BYPASSES, LATE_REFUSALS, REFUSALS } from "../../packages/core/src/page-cache/reasons.js";
import { DOCUMENT, withReasons } from "../../scripts/reasons-table.mjs";

const root = join(import.meta.dirname, "../..");

describe("why a page was not cached", () => {
  it("is in docs/cache-status.md as the code has it; if not, `npm run reasons-table` writes it", async () => {
    const text = readFileSync(join(root, DOCUMENT), "utf8");
    expect(text).toBe(await withReasons(text));
  });

  it("is told in words without links, with what cures it", () => {
    expect(meaningOf("host", "bypass")).toBe("no `Host`, several, or one that is not in `safety.hosts`");
    expect(remedyFor("cookie")).toMatch(/^Declare the cookie: `cookies\.ignore` if .*, `partition` for sessions\./);
    expect(remedyFor("disabled")).toBeUndefined();
  });

  it("is another thing of a request than of a response, where a word is used of both", () => {
    for (const word of Object.keys(BYPASSES).filter((name) => name in REFUSALS || name in LATE_REFUSALS))
      expect(meaningOf(word, "bypass")).not.toBe(meaningOf(word, "uri-miss"));
    expect(remedyFor("method", "method")).toBeUndefined();
    expect(remedyFor("method", "uri-miss")).toContain("GET");
  });

  it.each(["", "toString", "__proto__", "a word of the application's"])("is not known of %j", (word) => {
    expect([meaningOf(word), remedyFor(word)]).toEqual([undefined, undefined]);
  });
});
