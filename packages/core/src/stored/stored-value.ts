/** The values in the page cache's store, and the short ones among them as text and back. */
import { CODINGS } from "../base/codings.js";
import type { Coding } from "../base/codings.js";
import type { ResponseHead } from "../base/exchange.js";
import type { EntryHead } from "../store/contract.js";
import { decodeSearchAlias, decodeSearchRecord, decodeVaryRecord, encodeVaryRecord } from "./selection-records.js";
import type { SearchAlias, SearchRecord, VaryRecord } from "./selection-records.js";
import { decodeResponse, encodeResponse } from "./stored-response.js";
import type { StoredResponse } from "./stored-response.js";

export type StoredValue = StoredResponse | VaryRecord | SearchRecord | SearchAlias | StoredFragment | CodedBody;

/** @throws {Error} when the text was not written by this version: the store counts that as damage */
export function decodeStoredValue({ meta }: EntryHead): StoredValue {
  const lines = meta.split("\n");
  if (isResponse(lines[0])) return decodeResponse(meta, lines);
  if (lines[0] === "v") return decodeVaryRecord(lines);
  if (lines[0] === "s") return decodeSearchRecord(lines);
  if (lines[0] === "a") return decodeSearchAlias(lines);
  if (lines[0] === "f") return decodeFragment(lines);
  if (lines[0] === "c") return decodeCodedBody(lines);
  throw new Error("neither a response, a coded body nor a fragment, nor a record of where to find one");
}

/** The same head as a machine would have made it whose clock is ahead by so much. Times in its text are shifted, too.
 * @throws {Error} when the text was not written by this version */
export function shiftedHead(head: EntryHead, byMs: number): EntryHead {
  const ms = Math.round(byMs);
  const shifted = { ...head, storedAt: head.storedAt + ms, expiresAt: head.expiresAt + ms };
  const value = decodeStoredValue(head);
  if (value.kind === "response") {
    const policy = { ...value.policy, storedAt: value.policy.storedAt + ms };
    return { ...shifted, meta: encodeResponse({ ...value, policy }) };
  }
  if (value.kind !== "vary") return shifted;
  const variants = value.variants.map((variant) => ({ ...variant, expiresAt: variant.expiresAt + ms }));
  return { ...shifted, meta: encodeVaryRecord({ ...value, variants }) };
}

/** Whether an entry is a stored response: not a record, a fragment, a coded body or a value of the application. */
export function isStoredResponse({ meta }: Pick<EntryHead, "meta">): boolean {
  return isResponse(meta.split("\n", 1)[0]);
}

// Where there are holes, the line goes on.
function isResponse(kind: string | undefined): boolean {
  return kind === "r" || kind?.startsWith("r ") === true;
}

/* The body of a stored response in a content coding, stored beside that response; also the record that a coding is
 * not worth it. Its fields are those of the response, which alone decides whether it may be reused. */

export interface CodedBody {
  readonly kind: "coded";
  readonly coding: Coding;
  /** Identifies the very bytes it was made from: the `bodyTag` of the response. */
  readonly bodyTag: string;
  /** False: nothing is stored, because it was hardly shorter. */
  readonly worthIt: boolean;
  /** Kept by `features/coding` between hits: the response in this coding, and the head it was made for. Never
   * stored. */
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
function decodeCodedBody([, name, worthIt, bodyTag = ""]: readonly string[]): CodedBody {
  const coding = CODINGS.find((known) => known === name);
  if (coding === undefined || bodyTag === "") throw new Error("not a coded body");
  return { kind: "coded", coding, bodyTag, worthIt: worthIt === "1", played: undefined };
}

/** A stored fragment as text beside its body, and back. */

/** What a fragment was when it was made: the same comes back. */
export type FragmentForm = "text" | "bytes";

export interface StoredFragment {
  readonly kind: "fragment";
  readonly form: FragmentForm;
}

/* Lines, the kind first:
 *   f
 *   text     */

export function encodeFragment({ form }: StoredFragment): string {
  return `f\n${form}`;
}

/** @throws {Error} when the text is not one that `encodeFragment` wrote: the store counts that as damage */
function decodeFragment([, form]: readonly string[]): StoredFragment {
  if (form !== "text" && form !== "bytes") throw new Error("not a fragment");
  return { kind: "fragment", form };
}
