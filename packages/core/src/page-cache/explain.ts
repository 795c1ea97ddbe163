/** Explains what the cache would do with a request, without doing it. */
import type { RequestHead } from "../base/exchange.js";
import { fieldValue } from "../http/fields.js";
import { remainingSeconds, currentAgeSeconds } from "../http/reusability.js";
import type { Lookup } from "../lookup/decide.js";
import type { ResponseEntry } from "../lookup/select.js";
import { hash } from "node:crypto";

export interface Explanation {
  readonly method: string;
  readonly url: string;
  /** What would happen: a hit, a stale hit with a refresh behind it, or a forward to the application. */
  readonly outcome: "hit" | "stale" | "forward" | "unsatisfiable";
  /** Why it would be forwarded, in the words of RFC 9211 §2.2. With credentials: `bypass`, although the application
   * may mark its response as shared. */
  readonly reason: string | undefined;
  /** More about the reason. */
  readonly detail: string | undefined;
  /** The cookies or fields that the detail is about, if it is about any; never their values. */
  readonly names?: readonly string[];
  /** The key and its parts; `undefined` when the request is bypassed. */
  readonly key:
    | {
        readonly text: string;
        readonly file: string;
        readonly host: string;
        readonly target: string;
        readonly partitioned: boolean;
      }
    | undefined;
  /** What is stored for it, if anything. */
  readonly stored:
    | {
        readonly status: number;
        /** Of the body in the form it would be sent in. */
        readonly bytes: number;
        /** The content coding it would be sent in; `undefined`: none. */
        readonly coding: string | undefined;
        /** Seconds; negative when stale. */
        readonly freshFor: number;
        /** Seconds. */
        readonly age: number;
        readonly vary: readonly string[];
        readonly tags: readonly string[];
      }
    | undefined;
}

/** What is stored for the request, if anything. */
export function storedEntry(lookup: Lookup): ResponseEntry | undefined {
  if (lookup.verdict === "unsatisfiable") return undefined;
  return lookup.verdict === "reuse" ? lookup.entry : lookup.selection?.entry;
}

/** @param sent what is stored, in the form the client would be sent
 * @param namesOf the cookies or fields that a detail is about */
export function explain(
  request: RequestHead,
  lookup: Lookup,
  now: number,
  sent: ResponseEntry | undefined,
  namesOf: (detail: string | undefined) => readonly string[],
): Explanation {
  const base = { method: request.method, url: request.target };
  if (lookup.verdict === "unsatisfiable") {
    return {
      ...base,
      outcome: "unsatisfiable",
      reason: undefined,
      detail: "only-if-cached",
      key: undefined,
      stored: undefined,
    };
  }
  const why = whyForward(lookup);
  const names = namesOf(why.detail);
  return {
    ...base,
    outcome: lookup.verdict === "forward" ? "forward" : lookup.stale ? "stale" : "hit",
    ...why,
    ...(names.length > 0 && { names }),
    key: lookup.page && {
      text: lookup.page.key,
      file: hash("sha256", lookup.page.key),
      host: lookup.page.scope,
      target: lookup.page.name,
      partitioned: lookup.page.partitioned,
    },
    stored: sent && {
      status: sent.value.head.status,
      bytes: sent.bodyBytes,
      coding: fieldValue(sent.value.head.rawHeaders, "content-encoding"),
      freshFor: remainingSeconds(sent.value.policy, now),
      age: currentAgeSeconds(sent.value.policy, now),
      vary: sent.value.vary,
      tags: sent.head.tags,
    },
  };
}

function whyForward(lookup: Exclude<Lookup, { verdict: "unsatisfiable" }>): Pick<Explanation, "reason" | "detail"> {
  if (lookup.verdict === "reuse") return { reason: undefined, detail: undefined };
  const { page, facts, reason, detail, selection } = lookup;
  if (page === undefined || selection !== undefined || !(facts.authorization || facts.cookies))
    return { reason, detail };
  return { reason: "bypass", detail: facts.authorization ? "authorization" : "cookie" };
}
