/**
 * Named programs whose body fails, before its first byte or after it. Never run by themselves.
 */
import type { Program, Step } from "./program.js";

const TEXT: Step = { do: "set", field: ["Content-Type", "text/plain; charset=utf-8"] };

const small = { unix: true } as const;

function failing(pieces: number, by: "pipe" | "pipeline", pace: "fast" | "paused" = "fast"): Step {
  return { do: "pipe", pieces, bytes: 100, pace, by, fails: true };
}

export const FAILING: readonly { readonly name: string; readonly program: Program }[] = [
  {
    name: "a hook inside that adds a field, and a body without a first byte",
    program: {
      handler: [TEXT, { do: "late", field: ["X-Late", "1"] }, failing(0, "pipe")],
      clients: [{}],
    },
  },
  {
    name: "an error that a hook inside lets be kept, and compression outside",
    program: {
      handler: [
        TEXT,
        { do: "late", field: ["Cache-Control", "max-age=60"] },
        { do: "write", bytes: 0, as: "string" },
        { do: "throw" },
      ],
      outside: [{ use: "compress" }],
      clients: [{ coding: "gzip, br" }],
    },
  },
  {
    name: "a body without a first byte that another client's request has asked for",
    program: {
      handler: [TEXT, failing(0, "pipe", "paused")],
      clients: [{ leaves: "before-head" }, { leaves: "before-head" }, {}],
      acts: ["join 0", "calm", "calm", "join 1", "join 2"],
      world: small,
    },
  },
  {
    name: "a body without a first byte under two caches, once the client has left the outer one",
    program: {
      handler: [TEXT, failing(0, "pipe", "paused")],
      inside: [{ use: "cache" }],
      outside: [{ use: "hook" }],
      clients: [{ leaves: "before-head" }, { leaves: "before-head" }, {}],
      acts: ["join 0", "calm", "calm", "join 1", "join 2"],
      world: small,
    },
  },
  {
    name: "an error behind a 304, while another client reads along",
    program: {
      handler: [{ do: "never", first: true }, { do: "write", bytes: 20_000, as: "buffer" }, { do: "throw" }],
      clients: [{ leaves: "before-head" }, { match: "*" }, {}],
    },
  },
  {
    name: "a hook inside that sets a status, and a body without a first byte",
    program: { handler: [TEXT, failing(0, "pipe")], inside: [{ use: "hook", status: 404 }], clients: [{}] },
  },
  {
    name: "a hook outside that takes away what one inside adds, and a body without a first byte",
    program: {
      handler: [TEXT, { do: "late", field: ["X-Early", "2"] }, failing(0, "pipe")],
      outside: [{ use: "hook", remove: "X-Early" }],
      clients: [{}],
    },
  },
  {
    name: "a hook inside that gives an error the status of its page, and a client that has the page",
    program: {
      handler: [TEXT, { do: "set", field: ["X-Early", "1"] }, failing(0, "pipe")],
      inside: [{ use: "hook", status: 200 }],
      clients: [{ match: "*" }],
    },
  },
  {
    name: "a purge, and a page that ends before those who have waited for it begin to read",
    program: {
      handler: [
        { do: "pause" },
        { do: "write", bytes: 1000, as: "buffer" },
        { do: "write", bytes: 75_000, as: "bytes", drain: "await" },
        { do: "end", form: "plain", bytes: 1 },
      ],
      clients: [{}, {}],
      acts: ["join 0", "join 1", "purge"],
    },
  },
  {
    name: "a page that those who read along cannot read",
    program: {
      handler: [
        TEXT,
        { do: "pause" },
        { do: "write", bytes: 150_000, as: "string", drain: "await" },
        { do: "end", form: "plain" },
      ],
      clients: [{ range: "bytes=0-4" }, {}],
      acts: ["join 0", "calm", "join 1", "go", "calm"],
      world: { unix: true, disk: { call: "read", error: "EIO", after: 3, lasting: true } },
    },
  },
  {
    name: "a part of a page that is not kept, for a client that reads slowly",
    program: {
      handler: [
        TEXT,
        { do: "set", field: ["Cache-Control", "no-store"] },
        { do: "length" },
        { do: "pipe", pieces: 3, bytes: 75_000, pace: "fast", by: "pipe" },
      ],
      clients: [{ range: "bytes=5-", slow: true }],
      world: small,
    },
  },
  {
    name: "a body that is not kept, after its first bytes",
    program: {
      handler: [TEXT, { do: "write", bytes: 100, as: "string" }, failing(4, "pipeline")],
      inside: [{ use: "hook", set: ["Cache-Control", "no-store"] }],
      clients: [{ twice: true }],
    },
  },
  {
    name: "a body that fails once its first piece is read, and a part",
    program: {
      handler: [TEXT, { do: "length" }, { do: "write", bytes: 75_000, as: "string", drain: "sync" }, { do: "throw" }],
      clients: [{}, { range: "bytes=0-4" }],
    },
  },
  {
    name: "a HEAD whose body has several pieces that no one reads",
    program: {
      handler: [
        TEXT,
        { do: "write", bytes: 1, as: "string" },
        { do: "write", bytes: 20_000, as: "buffer" },
        { do: "write", bytes: 20_000, as: "buffer" },
      ],
      clients: [{ method: "HEAD" }],
    },
  },
];
