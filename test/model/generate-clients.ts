/** Who asks, when, and through what, by chance. Never says what a handler does. */
import fc from "fast-check";
import { DISK_CALLS, DISK_ERRORS } from "./disk-faults.js";
import type { DiskFault } from "./disk-faults.js";
import { withoutUndefined } from "./program.js";
import type { Act, ClientScript, Field, Middleware, World } from "./program.js";
import { always, field, maybe, of } from "./weights.js";

const hook: fc.Arbitrary<Middleware> = fc.record(
  {
    use: fc.constant("hook" as const),
    set: fc.oneof(fc.constant<Field>(["X-Late", "1"]), field),
    remove: fc.constantFrom("X-Early", "ETag", "Cache-Control"),
    status: fc.constantFrom(200, 404, 503),
  },
  { requiredKeys: ["use"] },
);
const middleware: fc.Arbitrary<Middleware> = fc.oneof(
  of(4, hook),
  always(3, { use: "compress" } as const),
  always(2, { use: "wrap" } as const),
);
// What it does to status and validators would be done to a 304 or a part of the cache's own, too.
const outerHook: fc.Arbitrary<Middleware> = fc.record(
  {
    use: fc.constant("hook" as const),
    set: fc.constantFrom<Field>(["X-Late", "1"], ["Set-Cookie", "a=1"]),
    remove: fc.constant("X-Early"),
  },
  { requiredKeys: ["use"] },
);
export const outside = fc.array(
  fc.oneof(of(2, outerHook), always(2, { use: "compress" } as const), always(1, { use: "wrap" } as const)),
  { maxLength: 1 },
);
export const inside = fc.oneof(
  of(20, fc.array(middleware, { maxLength: 2 })),
  of(
    1,
    fc
      .tuple(fc.array(middleware, { maxLength: 1 }), fc.array(middleware, { maxLength: 1 }))
      .map(([between, behind]): readonly Middleware[] => [...between, { use: "cache" }, ...behind]),
  ),
);

export const leaves = fc.oneof(always(2, "before-head" as const), fc.constantFrom(0, 1, 1, 1000, 60_000));

/** @param leaving one of so many leaves; 0: none does */
export function client(leaving: number): fc.Arbitrary<ClientScript> {
  return (
    fc
      .record({
        method: maybe(6, fc.constant("HEAD" as const)),
        range: maybe(8, fc.constantFrom("bytes=0-4", "bytes=5-", "bytes=-3", "bytes=900000-")),
        match: maybe(8, fc.constantFrom("same", "other", "*")),
        coding: maybe(2, fc.constantFrom("gzip", "gzip, br", "br", "identity")),
        language: maybe(3, fc.constantFrom("en", "de")),
        http10: maybe(15, fc.constant(true as const)),
        twice: maybe(15, fc.constant(true as const)),
        slow: maybe(5, fc.constant(true as const)),
        leaves: leaving === 0 ? fc.constant(undefined) : maybe(leaving, leaves),
      })
      // HTTP/1.0 has one request a connection.
      .map(({ twice, ...script }) => withoutUndefined({ ...script, twice: script.http10 ? undefined : twice }))
  );
}

export function schedule(count: number): fc.Arbitrary<readonly Act[]> {
  const others = fc.array(
    fc.oneof(
      always(5, "go" as const),
      always(5, "calm" as const),
      of(
        1,
        fc.integer({ min: 0, max: count - 1 }).map((index): Act => `read ${index}`),
      ),
      always(1, "purge" as const),
      always(1, "expire" as const),
    ),
    { maxLength: 5 },
  );
  const places = fc.array(fc.nat(5), { minLength: count, maxLength: count });
  return fc.tuple(others, places).map(([acts, at]) => {
    const whole: Act[] = [...acts];
    // In their order, each somewhere behind the one before.
    let from = 0;
    for (const [index, place] of at.entries()) {
      from = index === 0 ? 0 : Math.min(whole.length, from + 1 + place);
      whole.splice(from, 0, `join ${index}`);
    }
    return whole;
  });
}

const disk: fc.Arbitrary<DiskFault> = fc
  .record({
    call: fc.constantFrom(...DISK_CALLS),
    error: fc.constantFrom(...DISK_ERRORS),
    after: fc.nat(12),
    lasting: maybe(3, fc.constant(true as const)),
  })
  .map(withoutUndefined);

export const world: fc.Arbitrary<World> = fc
  .record({
    second: maybe(9, fc.constant(true as const)),
    unix: maybe(3, fc.constant(true as const)),
    http2: maybe(25, fc.constant(true as const)),
    disk: maybe(8, disk),
  })
  .map(withoutUndefined);
