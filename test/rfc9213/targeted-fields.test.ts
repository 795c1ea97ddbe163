/** RFC 9213: fields meant for this cache, and which of them governs. */
import { describe, expect, it } from "vitest";
import { ADAPTERS } from "../adapters/adapters.js";
import { openSite } from "../adapters/site.js";

const CASES: readonly {
  readonly given: string;
  readonly fields: Readonly<Record<string, string>>;
  readonly targetedFields?: readonly string[];
  readonly fresh: boolean;
}[] = [
  {
    given: "a lifetime beside no-store for others",
    fields: { "CDN-Cache-Control": "max-age=60", "Cache-Control": "no-store" },
    fresh: true,
  },
  {
    given: "no-store beside a lifetime for others",
    fields: { "CDN-Cache-Control": "no-store", "Cache-Control": "max-age=60" },
    fresh: false,
  },
  {
    given: "a lifetime as a string",
    fields: { "CDN-Cache-Control": 'max-age="60"', "Cache-Control": "no-store" },
    fresh: false,
  },
  { given: "an empty field", fields: { "CDN-Cache-Control": "", "Cache-Control": "max-age=60" }, fresh: true },
  {
    given: "a field that does not parse",
    fields: { "CDN-Cache-Control": "max-age=60,,", "Cache-Control": "no-store" },
    fresh: false,
  },
  {
    given: "Surrogate-Control that nobody listed",
    fields: { "Surrogate-Control": "max-age=60", "Cache-Control": "no-store" },
    fresh: false,
  },
  {
    given: "Surrogate-Control that is listed",
    fields: { "Surrogate-Control": "max-age=60", "Cache-Control": "no-store" },
    targetedFields: ["Surrogate-Control"],
    fresh: true,
  },
  {
    given: "the first of two that are listed",
    fields: { "Surrogate-Control": "no-store", "CDN-Cache-Control": "max-age=60" },
    targetedFields: ["cdn-cache-control", "surrogate-control"],
    fresh: true,
  },
  {
    given: "CDN-Cache-Control with an empty list",
    fields: { "CDN-Cache-Control": "max-age=60" },
    targetedFields: [],
    fresh: false,
  },
];

describe.each(ADAPTERS)("$name: RFC 9213 §2.2", (adapter) => {
  it.each(CASES)("$given: reused $fresh", async ({ fields, targetedFields, fresh }) => {
    const options = targetedFields === undefined ? {} : { targetedFields };
    const site = await openSite(adapter, { options, handler: () => ({ headers: fields, body: "x" }) });
    const first = await site.visit("/");
    for (const [name, value] of Object.entries(fields)) expect(first.header(name)).toBe(value);
    expect((await site.visit("/")).isHit).toBe(fresh);
  });
});
