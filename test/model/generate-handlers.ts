/** What handlers do, by chance. Never says who asks. */
import fc from "fast-check";
import { REACTIONS, SIGNS } from "./program.js";
import type { Step } from "./program.js";
import { always, field, of, ordinaryField } from "./weights.js";

const status = fc.constantFrom(200, 200, 200, 201, 203, 404, 503);
const bytes = fc.constantFrom(0, 1, 10, 100, 1000, 5000, 20_000, 75_000);
const chunkForm = fc.constantFrom("string", "buffer", "bytes");

export const TEXT: Step = { do: "set", field: ["Content-Type", "text/plain; charset=utf-8"] };

const headStep: fc.Arbitrary<Step> = fc.oneof(
  of(4, fc.record({ do: fc.constant("set" as const), field: ordinaryField })),
  of(3, fc.record({ do: fc.constant("set" as const), field })),
  of(1, fc.record({ do: fc.constant("append" as const), field })),
  always(1, { do: "remove", name: "X-Early" } as const),
  of(1, fc.record({ do: fc.constant("status" as const), status })),
  of(2, fc.record({ do: fc.constant("language" as const), vary: fc.constantFrom("set", "hook") })),
  of(1, fc.record({ do: fc.constant("late" as const), field })),
  always(1, { do: "length" } as const),
);

const watch: fc.Arbitrary<Step> = fc.record({
  do: fc.constant("watch" as const),
  sign: fc.constantFrom(...SIGNS),
  reaction: fc.constantFrom(...REACTIONS),
});

const begin: fc.Arbitrary<readonly Step[]> = fc.oneof(
  always(5, [] as readonly Step[]),
  always(2, [{ do: "flush" }] as readonly Step[]),
  of(
    3,
    fc
      .record({
        do: fc.constant("head" as const),
        form: fc.constantFrom("status", "reason", "object", "flat", "pairs"),
        status,
        fields: fc.array(ordinaryField, { maxLength: 2 }),
      })
      .map((step): readonly Step[] => [step]),
  ),
);

const write: fc.Arbitrary<Step> = fc.record(
  {
    do: fc.constant("write" as const),
    bytes,
    as: chunkForm,
    drain: fc.constantFrom("sync", "await"),
  },
  { requiredKeys: ["do", "bytes", "as"] },
);

const bodyStep: fc.Arbitrary<Step> = fc.oneof(
  of(8, write),
  always(2, { do: "pause" } as const),
  always(1, { do: "cork" } as const),
  always(1, { do: "uncork" } as const),
  always(1, { do: "flush" } as const),
);

const pipe: fc.Arbitrary<Step> = fc.record(
  {
    do: fc.constant("pipe" as const),
    pieces: fc.integer({ min: 0, max: 6 }),
    bytes: fc.constantFrom(1, 100, 5000, 40_000, 75_000),
    pace: fc.constantFrom("fast", "slow", "paused"),
    by: fc.constantFrom("pipe", "pipeline"),
    fails: fc.constant(true as const),
  },
  { requiredKeys: ["do", "pieces", "bytes", "pace", "by"] },
);

const ending: fc.Arbitrary<Step> = fc.oneof(
  of(
    8,
    fc.record(
      { do: fc.constant("end" as const), form: fc.constantFrom("plain", "callback", "send"), bytes },
      { requiredKeys: ["do", "form"] },
    ),
  ),
  of(4, pipe),
  always(1, { do: "throw" } as const),
);

const pauseOrNot = fc.constantFrom<readonly Step[]>([], [], [{ do: "pause" }]);
const stuckOrNot = (leaving: boolean): fc.Arbitrary<readonly Step[]> =>
  leaving
    ? fc.constantFrom<readonly Step[]>([], [], [], [{ do: "never", first: true }])
    : fc.constantFrom<readonly Step[]>(...Array.from({ length: 60 }, () => []), [{ do: "never" }]);

/** @param leaving whether a client leaves it alone */
export function handler(leaving: boolean): fc.Arbitrary<readonly Step[]> {
  const parts = [
    fc.constantFrom<readonly Step[]>([TEXT], [TEXT], [TEXT], []),
    fc.array(headStep, { maxLength: 4 }),
    fc.array(watch, { maxLength: leaving ? 2 : 1 }),
    pauseOrNot,
    stuckOrNot(leaving),
    begin,
    fc.array(bodyStep, { maxLength: 5 }),
    stuckOrNot(leaving),
    ending.map((step): readonly Step[] => [step]),
  ];
  return fc.tuple(...parts).map((made) => made.flat());
}
