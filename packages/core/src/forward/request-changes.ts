/** What a handler sees of a request that fills the cache: not the visitor's conditions and ranges, which the cache answers itself, but those of the stored response (RFC 9111 §4.3.1). */
import { validatorsOf } from "../http/freshen.js";
import type { ForwardPlan } from "./forward-plan.js";

export interface RequestChanges {
  readonly remove: readonly string[];
  readonly set: readonly (readonly [name: string, value: string])[];
  /** The visitor's own conditions were taken away. */
  readonly stripped: boolean;
  /** The stored validators were put in: a 304 answers the cache. */
  readonly conditional: boolean;
}

const NONE: RequestChanges = Object.freeze({ remove: [], set: [], stripped: false, conditional: false });

const VISITORS_OWN = ["if-none-match", "if-modified-since", "range", "if-range"] as const;

export function requestChanges({ page, request, facts, selection }: ForwardPlan): RequestChanges {
  // An answer that will hardly be stored is left entirely to the application, conditions and all.
  if (
    page === undefined ||
    request.method === "HEAD" ||
    ((facts.authorization || facts.cookies) && selection === undefined)
  )
    return NONE;
  const remove = VISITORS_OWN.filter((name) => request.headers[name] !== undefined);
  const set: [string, string][] = [];
  if (selection !== undefined) {
    const { value } = selection.entry;
    const { etag, lastModified } = validatorsOf(value.head);
    // A tag made here says nothing to the handler.
    if (etag !== undefined && !value.ownEtag) set.push(["if-none-match", etag]);
    if (lastModified !== undefined) set.push(["if-modified-since", lastModified]);
  }
  return { remove, set, stripped: remove.length > 0, conditional: set.length > 0 };
}
