/**
 * Long pages that are written at the pace of a client, with others who want them: by chance alone they are rare.
 * Nobody leaves here.
 */
import fc from "fast-check";
import { TEXT } from "./generate-handlers.js";
import { withoutUndefined } from "./program.js";
import type { Act, Program, Step } from "./program.js";
import { compact } from "./tidy.js";
import { always, maybe, of } from "./weights.js";

export const paced: fc.Arbitrary<Program> = fc
  .record({
    head: fc.array(fc.oneof(of(3, fc.constant(TEXT)), always(1, { do: "length" } as const)), { maxLength: 2 }),
    pieces: fc.array(
      fc.oneof(
        of(
          6,
          fc.record({
            do: fc.constant("write" as const),
            bytes: fc.constantFrom(20_000, 75_000, 150_000, 275_000),
            as: fc.constantFrom("buffer", "string"),
            drain: fc.constantFrom("sync", "await"),
          }),
        ),
        always(1, { do: "cork" } as const),
        always(1, { do: "uncork" } as const),
        always(1, { do: "pause" } as const),
      ),
      { minLength: 1, maxLength: 6 },
    ),
    end: fc.constantFrom<Step>({ do: "end", form: "plain" }, { do: "end", form: "plain", bytes: 100 }),
    clients: fc.array(
      fc
        .record({
          method: maybe(8, fc.constant("HEAD" as const)),
          range: maybe(6, fc.constantFrom("bytes=0-4", "bytes=5-", "bytes=200000-")),
          slow: maybe(4, fc.constant(true as const)),
        })
        .map(withoutUndefined),
      { minLength: 1, maxLength: 3 },
    ),
    late: fc.constantFrom<readonly Act[]>([], ["calm"], ["go"], ["go", "calm"]),
    unix: fc.constantFrom(true as const, true as const, undefined),
  })
  .map(({ head, pieces, end, clients, late, unix }) => {
    const [first, ...others] = clients.map((_, index): Act => `join ${index}`);
    return compact({
      handler: [...head, { do: "pause" }, ...pieces, end],
      clients,
      acts: [first!, ...late, ...others, "go", "calm"],
      world: withoutUndefined({ unix }),
    });
  });
