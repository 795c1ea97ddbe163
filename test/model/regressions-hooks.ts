/**
 * Named programs in which something inside the cache speaks as the head leaves, whichever way the response is begun.
 * Never run by themselves.
 */
import type { Field, Program, Step } from "./program.js";

interface Named {
  readonly name: string;
  readonly program: Program;
}

const TEXT: Step = { do: "set", field: ["Content-Type", "text/plain; charset=utf-8"] };

const HOOKS: readonly { readonly what: string; readonly hook: object; readonly before?: readonly Step[] }[] = [
  { what: "adds a field", hook: { set: ["X-Late", "1"] satisfies Field } },
  { what: "removes a field", hook: { remove: "X-Early" } },
  { what: "sets 503", hook: { status: 503 } },
  { what: "sets no-cache", hook: { set: ["Cache-Control", "no-cache"] satisfies Field } },
];

const ENDINGS: readonly { readonly how: string; readonly steps: readonly Step[] }[] = [
  { how: "end", steps: [{ do: "end", form: "plain", bytes: 100 }] },
  { how: "send", steps: [{ do: "end", form: "send", bytes: 100 }] },
  {
    how: "write",
    steps: [
      { do: "write", bytes: 100, as: "string" },
      { do: "end", form: "plain" },
    ],
  },
  { how: "flushHeaders", steps: [{ do: "flush" }, { do: "end", form: "plain", bytes: 100 }] },
];

const hooked = HOOKS.flatMap(({ what, hook }) =>
  ENDINGS.map(({ how, steps }): Named => ({
    name: `a hook inside that ${what}, and ${how}`,
    program: {
      handler: [TEXT, { do: "set", field: ["X-Early", "1"] }, ...steps],
      inside: [{ use: "hook", ...hook }],
      clients: [{}, {}],
      acts: ["join 0", "calm", "join 1"],
    },
  })),
);

const lateVary = ENDINGS.map(({ how, steps }): Named => ({
  name: `a hook inside that names the language in Vary, and ${how}`,
  program: {
    handler: [TEXT, { do: "language", vary: "hook" }, ...steps],
    clients: [{ language: "en" }, { language: "de" }],
    acts: ["join 0", "calm", "join 1"],
  },
}));

/** Compression names its field where there is a body to code. */
const validated: Named = {
  name: "compression inside, and a page that the application validates each time",
  program: {
    handler: [
      TEXT,
      { do: "late", field: ["Cache-Control", "max-age=0, must-revalidate"] },
      { do: "language", vary: "hook" },
      { do: "end", form: "send", bytes: 1000 },
    ],
    inside: [{ use: "compress" }],
    clients: [{ coding: "br" }, { coding: "br" }],
    acts: ["join 0", "calm", "join 1"],
  },
};

export const HOOKED: readonly Named[] = [...hooked, ...lateVary, validated];
