/** Programs by chance, as fast-check makes and shrinks them: mostly what applications do, in every combination. Never decides what is right. */
import fc from "fast-check";
import { REACTIONS, SIGNS, withoutUndefined } from "./program.js";
import type { Act, ClientScript, Field, Middleware, Program, Step, World } from "./program.js";

type Weighted<Value> = { readonly weight: number; readonly arbitrary: fc.Arbitrary<Value> };

const of = <Value>(weight: number, arbitrary: fc.Arbitrary<Value>): Weighted<Value> => ({ weight, arbitrary });
const always = <const Value>(weight: number, value: Value): Weighted<Value> => of(weight, fc.constant(value));
/** Once in so many times some value, otherwise the property is left out. */
const maybe = <Value>(outOf: number, arbitrary: fc.Arbitrary<Value>): fc.Arbitrary<Value | undefined> =>
  outOf <= 1 ? arbitrary : fc.oneof(always(outOf - 1, undefined), of(1, arbitrary));

const FIELDS: readonly Field[] = [
  ["X-Early", "1"],
  ["X-Early", "2"],
  ["X-Other", "3"],
  ["Cache-Control", "max-age=60"],
  ["Cache-Control", "public, max-age=60"],
  ["Cache-Control", "max-age=0, must-revalidate"],
  ["Cache-Control", "no-cache"],
  ["Cache-Control", "no-store"],
  ["Cache-Control", "private"],
  ["ETag", '"v1"'],
  ["ETag", 'W/"v1"'],
  ["Last-Modified", "Thu, 01 Jan 2026 00:00:00 GMT"],
  ["Set-Cookie", "a=1"],
  ["Vary", "Accept-Encoding"],
  ["Vary", "X-Theme"],
];
const field = fc.constantFrom(...FIELDS);
const ordinaryField = fc.constantFrom(...FIELDS.slice(0, 5));
const status = fc.constantFrom(200, 200, 200, 201, 203, 404, 503);
const bytes = fc.constantFrom(0, 1, 10, 100, 1000, 5000, 20_000, 75_000);
const chunkForm = fc.constantFrom("string", "buffer", "bytes");

const type: Step = { do: "set", field: ["Content-Type", "text/plain; charset=utf-8"] };

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

function handler(leaving: boolean): fc.Arbitrary<readonly Step[]> {
  const parts = [
    fc.constantFrom<readonly Step[]>([type], [type], [type], []),
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
const outside = fc.array(
  fc.oneof(of(2, outerHook), always(2, { use: "compress" } as const), always(1, { use: "wrap" } as const)),
  { maxLength: 1 },
);
const inside = fc.oneof(
  of(20, fc.array(middleware, { maxLength: 2 })),
  of(1, fc.constant<readonly Middleware[]>([{ use: "cache" }])),
);

const leaves = fc.oneof(always(2, "before-head" as const), fc.constantFrom(0, 1, 1, 1000, 60_000));

function client(leaving: number): fc.Arbitrary<ClientScript> {
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

function schedule(count: number): fc.Arbitrary<readonly Act[]> {
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

const world: fc.Arbitrary<World> = fc
  .record({
    second: maybe(9, fc.constant(true as const)),
    unix: maybe(3, fc.constant(true as const)),
    http2: maybe(25, fc.constant(true as const)),
  })
  .map(withoutUndefined);

function withClients(leaving: boolean): fc.Arbitrary<Program> {
  const followers = fc.array(client(leaving ? 4 : 0), { maxLength: 3 });
  const first = client(0).chain((script) =>
    leaving ? leaves.map((at): ClientScript => ({ ...script, leaves: at })) : fc.constant(script),
  );
  return fc.tuple(first, followers).chain(([one, others]) => {
    const clients = [one, ...others];
    return fc
      .record({
        handler: handler(leaving),
        inside,
        outside: fc.oneof(of(2, fc.constant<readonly Middleware[]>([])), of(1, outside)),
        clients: fc.constant(clients),
        acts: schedule(clients.length),
        world,
      })
      .map(compact);
  });
}

// Express settles a condition before the hooks have spoken: what they then make of its 304 is no response that anybody means.
function plainConditions({ clients, ...program }: Program): Program {
  const { handler, inside = [] } = program;
  const hooked = inside.some(({ use }) => use === "hook") || handler.some((step) => step.do === "late");
  const sent = handler.some((step) => step.do === "end" && step.form === "send");
  return { ...program, clients: hooked && sent ? clients.map(unconditional) : clients };
}

function unconditional(script: ClientScript): ClientScript {
  return withoutUndefined({ ...script, match: undefined });
}

// What says nothing is left out, so that a program can be read.
function compact(program: Program): Program {
  const said = Object.entries(plainConditions(program)).filter(([, part]) => Object.keys(part as object).length > 0);
  return { handler: [], clients: [], ...Object.fromEntries(said) };
}

/** In three of ten programs somebody leaves. */
export const programs: fc.Arbitrary<Program> = fc.oneof(of(7, withClients(false)), of(3, withClients(true)));
