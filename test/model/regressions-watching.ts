/**
 * Named programs whose handlers watch the connection themselves, and whose clients leave at an odd moment. Never run
 * by themselves.
 */
import type { Program, Step } from "./program.js";

const TEXT: Step = { do: "set", field: ["Content-Type", "text/plain; charset=utf-8"] };

export const WATCHING: readonly { readonly name: string; readonly program: Program }[] = [
  {
    name: "an inner cache that calls it once the client has left the outer one",
    program: {
      handler: [
        TEXT,
        { do: "watch", sign: "socket-close", reaction: "apology" },
        { do: "pause" },
        { do: "end", form: "plain", bytes: 100 },
      ],
      inside: [{ use: "cache" }],
      clients: [{ twice: true, leaves: "before-head" }, {}],
      acts: ["join 0", "calm", "join 1"],
    },
  },
  {
    name: "a callback of what could not be written",
    program: {
      handler: [
        TEXT,
        { do: "watch", sign: "write-error", reaction: "end" },
        { do: "cork" },
        { do: "write", bytes: 1000, as: "buffer" },
        { do: "never", first: true },
        { do: "end", form: "plain", bytes: 100 },
      ],
      clients: [{ leaves: 1 }, {}],
      world: { unix: true },
    },
  },
  {
    name: "a client that leaves with its 416 while others read along",
    program: {
      handler: [
        TEXT,
        { do: "length" },
        { do: "watch", sign: "socket-destroyed", reaction: "end" },
        { do: "pause" },
        { do: "write", bytes: 1000, as: "string" },
        { do: "pause" },
        { do: "pause" },
        { do: "end", form: "plain", bytes: 5000 },
      ],
      clients: [{ method: "HEAD" }, { range: "bytes=900000-" }, { twice: true }, { slow: true }],
      acts: ["join 0", "calm", "join 1", "join 2", "join 3"],
    },
  },
  {
    name: "a client that cannot tell that the page was broken off behind its last byte",
    program: {
      handler: [
        { do: "write", bytes: 1, as: "bytes" },
        { do: "never", first: true },
        { do: "end", form: "plain" },
      ],
      clients: [{ leaves: "before-head" }, { http10: true }],
      acts: ["join 0", "join 1"],
      world: { unix: true },
    },
  },
  {
    name: "a client that has had its 304, and a handler that is silent from then on",
    program: {
      handler: [
        { do: "write", bytes: 10, as: "bytes" },
        { do: "never", first: true },
        { do: "end", form: "plain" },
      ],
      clients: [{ match: "*", leaves: "before-head" }],
      acts: ["join 0"],
    },
  },
];
