/**
 * Named programs: one for each kind of fault that the model was built to find, with what the page owes its clients.
 * Never run by themselves.
 */
import { FAILING } from "./regressions-failures.js";
import { HOOKED } from "./regressions-hooks.js";
import { WATCHING } from "./regressions-watching.js";
import type { Program, Reaction, Sign, Step } from "./program.js";

export interface Regression {
  /** What it is about. */
  readonly kind: string;
  readonly name: string;
  readonly program: Program;
  /** Only where handlers hold the response themselves. */
  readonly only?: "tapped";
}

const TEXT: Step = { do: "set", field: ["Content-Type", "text/plain; charset=utf-8"] };
const PIECE = 75_000;

const piece: Step = { do: "write", bytes: PIECE, as: "buffer", drain: "sync" };
const two = [{}, {}];
/** So that writing has to wait for the client. */
const small = { unix: true } as const;
const together = ["join 0", "join 1", "go", "calm"] as const;

type Named = Omit<Regression, "kind">;

function leaving(sign: Sign, reaction: Reaction): Named {
  return {
    name: `a handler that sees by ${sign} that its client has gone, and then takes to ${reaction}`,
    program: {
      handler: [
        TEXT,
        { do: "watch", sign, reaction },
        { do: "write", bytes: 1000, as: "string" },
        { do: "pause" },
        { do: "write", bytes: 1000, as: "string" },
      ],
      clients: [{ leaves: 1 }],
      acts: ["join 0", "calm", "go"],
    },
  };
}

function pipe(by: "pipe" | "pipeline", sign: Sign, reaction: Reaction): Named {
  return {
    name: `a ${by} whose source takes to ${reaction} when the client leaves (${sign})`,
    program: {
      handler: [TEXT, { do: "watch", sign, reaction }, { do: "pipe", pieces: 4, bytes: 1000, pace: "paused", by }],
      clients: [{ leaves: 1 }, {}, {}],
      acts: ["join 0", "join 1", "calm", "join 2"],
    },
  };
}

const KINDS: readonly { readonly kind: string; readonly all: readonly Named[] }[] = [
  {
    kind: "a piece that is lost",
    all: [
      {
        name: "two clients, and four pieces that wait for drain",
        program: {
          handler: [TEXT, { do: "pause" }, piece, piece, piece, piece],
          clients: two,
          acts: together,
          world: small,
        },
      },
      {
        name: "two clients, and four pieces of an announced length that wait for drain",
        program: {
          handler: [TEXT, { do: "length" }, { do: "pause" }, piece, piece, piece, piece],
          clients: two,
          acts: together,
          world: small,
        },
      },
    ],
  },
  {
    kind: "a short page that is kept",
    all: [
      leaving("res-close", "end"),
      leaving("req-aborted", "end"),
      leaving("res-destroyed", "end"),
      leaving("finished", "fallback"),
      leaving("abort-signal", "apology"),
      {
        name: "a handler that watches the connection of a client whose 304 is over before the page is",
        program: {
          handler: [
            TEXT,
            { do: "watch", sign: "socket-close", reaction: "end" },
            { do: "write", bytes: 10, as: "string" },
            { do: "pause" },
            { do: "end", form: "plain", bytes: 1 },
          ],
          clients: [{ match: "*" }],
        },
      },
      {
        name: "an HTTP/1.0 client who reads along, and is told that nothing more comes",
        program: {
          handler: [
            TEXT,
            { do: "flush" },
            { do: "write", bytes: 10, as: "buffer" },
            { do: "never", first: true },
            { do: "end", form: "plain", bytes: 10 },
          ],
          clients: [{ leaves: "before-head" }, { http10: true }],
          acts: ["join 0", "join 1"],
        },
      },
      {
        name: "an apology for a client that left before the head",
        program: {
          handler: [
            TEXT,
            { do: "watch", sign: "abort-signal", reaction: "apology" },
            { do: "pause" },
            { do: "end", form: "plain", bytes: 5000 },
          ],
          clients: [{ leaves: "before-head" }],
        },
      },
    ],
  },
  {
    kind: "waiting for a render that will not go on",
    all: [
      pipe("pipe", "res-close", "stop"),
      pipe("pipeline", "res-close", "stop"),
      {
        name: "a long poll whose first client leaves",
        program: {
          handler: [TEXT, { do: "never", first: true }, { do: "end", form: "plain", bytes: 100 }],
          clients: [{ leaves: "before-head" }, {}],
          acts: ["join 0", "join 1"],
        },
      },
      {
        name: "a page whose client has left before it begins, and that then comes to no end",
        program: {
          handler: [TEXT, { do: "pause" }, { do: "flush" }, { do: "never", first: true }, { do: "end", form: "plain" }],
          clients: [{ leaves: "before-head" }, {}],
          acts: ["join 0", "join 1"],
        },
      },
      {
        name: "a page whose client has left with its head, and of which those that read along have had nothing",
        program: {
          handler: [TEXT, { do: "pause" }, { do: "flush" }, { do: "never", first: true }, { do: "end", form: "plain" }],
          clients: [{ leaves: 60_000 }, {}],
          acts: ["join 0", "join 1", "go", "calm", "leave 0"],
        },
      },
      {
        name: "a leader who leaves while another waits",
        program: {
          handler: [
            TEXT,
            { do: "write", bytes: 100, as: "string" },
            { do: "never", first: true },
            { do: "end", form: "plain", bytes: 100 },
          ],
          clients: [{ leaves: 0 }, {}],
          acts: ["join 0", "calm", "join 1"],
        },
      },
    ],
  },
  {
    kind: "a coding that is not named",
    all: [
      {
        name: "compression inside, and flushHeaders before end",
        program: {
          handler: [TEXT, { do: "flush" }, { do: "end", form: "plain", bytes: 3000 }],
          inside: [{ use: "compress" }],
          clients: [{ coding: "gzip" }, { coding: "gzip" }, {}],
          acts: ["join 0", "calm", "join 1", "calm", "join 2"],
        },
      },
    ],
  },
  { kind: "a head that is decided too early", all: HOOKED },
  { kind: "a body that fails", all: FAILING },
  { kind: "a handler that watches a connection that ends", all: WATCHING },
  {
    kind: "HTTP/2",
    all: [
      {
        name: "a page and its hits",
        program: {
          handler: [TEXT, { do: "end", form: "plain", bytes: 100 }],
          clients: two,
          acts: ["join 0", "calm", "join 1"],
          world: { http2: true },
        },
      },
    ],
  },
  {
    kind: "caches that wait for each other",
    all: [
      {
        name: "two caches, the outer of which gives a request up before the inner one sees it",
        program: {
          handler: [
            TEXT,
            { do: "watch", sign: "socket-close", reaction: "end" },
            { do: "pause" },
            { do: "end", form: "plain", bytes: 100 },
          ],
          clients: [{ twice: true, leaves: "before-head" }],
          inside: [{ use: "cache" }],
        },
      },
      {
        name: "two caches, and a client that the inner one leaves behind while another reads along",
        program: {
          handler: [
            { do: "flush" },
            { do: "pause" },
            { do: "pipe", pieces: 5, bytes: 75_000, pace: "fast", by: "pipeline" },
          ],
          clients: two,
          inside: [{ use: "cache" }],
          acts: ["join 0", "join 1"],
        },
      },
      {
        name: "two caches, and a lock of each that cannot be removed",
        program: {
          handler: [],
          clients: [{}],
          inside: [{ use: "cache" }],
          acts: ["join 0", "expire"],
          world: { disk: { call: "unlink", error: "EROFS", after: 3, lasting: true } },
        },
      },
      {
        name: "two caches on one directory in the way of one request",
        program: {
          handler: [TEXT, { do: "end", form: "plain", bytes: 100 }],
          inside: [{ use: "cache" }],
          clients: [{}],
        },
      },
    ],
  },
  {
    kind: "a request that is never answered",
    all: [
      {
        name: "compression inside, a page to be validated each time, and another tag",
        program: {
          handler: [
            TEXT,
            { do: "set", field: ["Cache-Control", "max-age=0, must-revalidate"] },
            { do: "end", form: "send", bytes: 1 },
          ],
          inside: [{ use: "compress" }],
          clients: [
            { coding: "gzip, br" },
            { coding: "gzip, br" },
            { coding: "gzip, br", method: "HEAD" },
            { coding: "gzip, br", match: "same" },
            { coding: "gzip, br", match: "other" },
          ],
          acts: ["join 0", "calm", "join 1", "calm", "join 2", "calm", "join 3", "calm", "join 4"],
        },
      },
      {
        name: "two clients, a handler that waits for drain, and cork, write and end",
        only: "tapped",
        program: {
          handler: [
            TEXT,
            { do: "pause" },
            piece,
            piece,
            piece,
            { do: "cork" },
            { do: "write", bytes: 100, as: "string" },
            { do: "end", form: "plain" },
          ],
          clients: two,
          acts: together,
          world: small,
        },
      },
    ],
  },
];

export const REGRESSIONS: readonly Regression[] = KINDS.flatMap(({ kind, all }) =>
  all.map((regression) => ({ kind, ...regression })),
);
