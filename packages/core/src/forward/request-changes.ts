/** What a handler sees of a request that fills the cache: not the client's conditions and ranges, which the cache
 * answers itself, but those of the stored response (RFC 9111 §4.3.1). */
import { validatorsOf } from "../http/freshen.js";
import type { CacheContext } from "../page-cache/context.js";
import type { ForwardPlan } from "./forward-plan.js";
import { askForTheRest, passesRange } from "./partial.js";

export interface RequestChanges {
  readonly remove: readonly string[];
  readonly set: readonly (readonly [name: string, value: string])[];
  /** The client's own conditions are for the cache to answer. */
  readonly stripped: boolean;
  /** The stored validators were put in: a 304 answers the cache. */
  readonly conditional: boolean;
}

const NONE: RequestChanges = Object.freeze({ remove: [], set: [], stripped: false, conditional: false });

const CLIENTS_OWN = ["if-none-match", "if-modified-since", "range", "if-range"] as const;

export function requestChanges({ options, hitForMiss }: CacheContext, plan: ForwardPlan): RequestChanges {
  const { page, request, facts, selection, beginning } = plan;
  // An answer that will hardly be stored is left entirely to the application, conditions and all. To a POST they mean
  // something else.
  if (
    page === undefined ||
    request.method === "HEAD" ||
    request.method === "POST" ||
    ((facts.authorization || facts.cookies) && selection === undefined)
  )
    return NONE;
  const own = CLIENTS_OWN.filter((name) => request.headers[name] !== undefined);
  if (own.length === 0 && selection === undefined && beginning === undefined) return NONE;
  // It is known that nothing will be stored: the application answers conditions and ranges more cheaply.
  if (selection === undefined && beginning === undefined && hitForMiss.has(page.key)) return NONE;
  const remove = passesRange(options, plan) ? own.filter((name) => !name.endsWith("range")) : own;
  const set = beginning === undefined ? [] : askForTheRest(beginning.entry.value.head);
  // A page with holes is a different one each time it is made.
  if (selection !== undefined && selection.entry.value.holes === undefined) {
    const { value } = selection.entry;
    const { etag, lastModified } = validatorsOf(value.head);
    // A tag made here means nothing to the handler.
    if (etag !== undefined && !value.ownEtag) set.push(["if-none-match", etag]);
    if (lastModified !== undefined) set.push(["if-modified-since", lastModified]);
  }
  return { remove, set, stripped: own.length > 0, conditional: selection !== undefined && set.length > 0 };
}
