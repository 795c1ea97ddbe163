/** Why a request goes to the application where that was settled after, or without, a look into the store. */
import type { ForwardLookup } from "./forwarding.js";

/** A stale page that a client has to have made, although it may be served as it is. */
export const STALE = Object.freeze({ verdict: "forward", reason: "stale", detail: undefined } as const);

/** After `close()`. */
export const CLOSED: ForwardLookup = Object.freeze({
  page: undefined,
  facts: { method: "GET", authorization: true, cookies: true },
  reason: "bypass",
  detail: "closed",
  selection: undefined,
});

/** A hole of the stored page could not be filled for this visitor. */
export const UNFILLED: ForwardLookup = Object.freeze({ ...CLOSED, detail: "hole-failed" });

/** The body of the stored page could not be read. */
export const UNREADABLE = Object.freeze({
  reason: "uri-miss",
  detail: "unreadable",
  selection: undefined,
} as const);
