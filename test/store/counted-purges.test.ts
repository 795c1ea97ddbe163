/** What a purge is said to name is what it makes invalid, whatever is stored and however it is named. */
import fc from "fast-check";
import { expect, it } from "vitest";
import type { PathSelector, PurgeSelector } from "../../packages/core/src/store/contract.js";
import { temporaryDirectory } from "../support/temporary-directory.js";
import "../support/fixed-seed.js";
import { opened } from "./opened.js";

const scope = fc.constantFrom("a.example", "b.example", "");
const segment = fc.constantFrom("a", "b", "ab", "%61", "A");
const path = fc.array(segment, { maxLength: 3 }).map((segments) => `/${segments.join("/")}`);
const name = fc.oneof(
  path,
  path.map((plain) => `${plain}?q=1`),
);
const tag = fc.constantFrom("t", "u", "group a.example t");
const pattern = fc
  .array(fc.oneof(segment, fc.constantFrom("*", "a*", "*b")), { maxLength: 3 })
  .chain((segments) => fc.constantFrom([...segments], [...segments, "**"]))
  .map((segments) => `/${segments.join("/")}`);
// Only pages have a path, and every page has a host.
const onHost = fc.constantFrom("a.example", "b.example", undefined);
const somewhere = fc.option(scope, { nil: undefined });

const selector: fc.Arbitrary<PurgeSelector | PathSelector> = fc.oneof(
  { weight: 1, arbitrary: fc.constant({ kind: "all" } as const) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant("scope" as const), scope }) },
  { weight: 4, arbitrary: fc.record({ kind: fc.constant("tag" as const), tag }) },
  { weight: 6, arbitrary: fc.record({ kind: fc.constant("name" as const), name, scope: somewhere }) },
  { weight: 6, arbitrary: fc.record({ kind: fc.constant("prefix" as const), prefix: name, scope: somewhere }) },
  { weight: 9, arbitrary: fc.record({ kind: fc.constant("path" as const), path: pattern, scope: onHost }) },
);

const entry = fc.record({
  scope,
  name,
  tags: fc.uniqueArray(tag, { maxLength: 2 }),
  meta: fc.constantFrom("counts", "does not"),
  hours: fc.constantFrom(-1, 1, 3),
});

it("what a purge is said to name is what can no longer be had", async () => {
  const run = fc.asyncProperty(
    fc.array(entry, { maxLength: 12 }),
    fc.array(selector, { maxLength: 2 }),
    fc.array(selector, { minLength: 1, maxLength: 4 }),
    fc.boolean(),
    async (entries, before, selectors, soft) => {
      const { store, clock, head } = opened(temporaryDirectory());
      const heads = entries.map(({ hours, ...rest }, index) =>
        head(`key ${index}`, { ...rest, expiresAt: clock.now() + hours * 3_600_000 }),
      );
      for (const one of heads) store.put(one, Buffer.from("body"));
      await store.flush();
      await store.purge(before, { soft: false });
      clock.advance(2 * 3600);
      const there = async () => {
        const found = await Promise.all(heads.map(async ({ key }) => store.get(key)));
        return found.filter((one) => one !== undefined && !one.softPurged && one.head.meta === "counts").length;
      };
      const had = await there();
      const named = await store.countNamed(selectors, ({ meta }) => meta === "counts");
      await store.purge(selectors, { soft });
      expect(named).toBe(had - (await there()));
      await store.close();
    },
  );
  await fc.assert(run, { numRuns: 150 });
});
