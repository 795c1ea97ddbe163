/** Who comes when everybody else is over, and finds what was stored. Never part of a program. */
import type { Door } from "./bench.js";
import type { ClientScript } from "./program.js";

/** Each speaks the language and takes the coding of the first client. */
export const PROBES: readonly { readonly who: string; readonly script: ClientScript; readonly door?: Door }[] = [
  { who: "probe GET", script: {} },
  { who: "probe HEAD", script: { method: "HEAD" } },
  { who: "probe Range", script: { range: "bytes=1-7" } },
  { who: "probe If-None-Match", script: { match: "other" } },
  { who: "probe second", script: {}, door: "second" },
];
