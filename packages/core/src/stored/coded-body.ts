/** The body of a stored response in a content coding, stored beside that response; also the record that a coding is
 * not worth it. Its fields are those of the response, which alone decides whether it may be reused. */
import { CODINGS } from "../base/codings.js";
import type { Coding } from "../base/codings.js";
import type { ResponseHead } from "../base/exchange.js";
import type { StoredResponse } from "./stored-response.js";

export interface CodedBody {
  readonly kind: "coded";
  readonly coding: Coding;
  /** Identifies the very bytes it was made from: the `bodyTag` of the response. */
  readonly bodyTag: string;
  /** False: nothing is stored, because it was hardly shorter. */
  readonly worthIt: boolean;
  /** Kept by `coding/` between hits: the response in this coding, and the head it was made for. Never stored. */
  played: { readonly of: ResponseHead; readonly as: StoredResponse } | undefined;
}

/* Lines: the kind, the coding, whether it is worth it, the tag of the bytes it was made from:
 *   c
 *   br
 *   1
 *   "2f-rW7cu…"                   */
export function encodeCodedBody({ coding, worthIt, bodyTag }: Omit<CodedBody, "kind" | "played">): string {
  return ["c", coding, Number(worthIt), bodyTag].join("\n");
}

/** @throws {Error} when the text is not one that `encodeCodedBody` wrote */
export function decodeCodedBody([, name, worthIt, bodyTag = ""]: readonly string[]): CodedBody {
  const coding = CODINGS.find((known) => known === name);
  if (coding === undefined || bodyTag === "") throw new Error("not a coded body");
  return { kind: "coded", coding, bodyTag, worthIt: worthIt === "1", played: undefined };
}
