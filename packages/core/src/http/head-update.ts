/** What the answer to a forwarded HEAD says about a stored GET (RFC 9111 §4.3.5). */
import type { ResponseHead } from "../base/exchange.js";
import { fieldValue } from "./fields.js";
import { validatorsOf } from "./validators.js";

/** `freshen`: the HEAD response is about the stored one, which takes its fields. `invalidate`: there is a newer one.
 * `ignore`: it says nothing about the stored one.
 * @param storedLength of the stored body in bytes, where `stored` has no `Content-Length` */
export function headUpdate(
  stored: ResponseHead,
  headResponse: ResponseHead,
  storedLength?: number,
): "freshen" | "invalidate" | "ignore" {
  if (headResponse.status !== 200 || stored.status !== 200) return "ignore";
  const ours = validatorsOf(stored);
  const theirs = validatorsOf(headResponse);
  if (theirs.etag !== undefined && theirs.etag !== ours.etag) return "invalidate";
  if (theirs.lastModified !== undefined && theirs.lastModified !== ours.lastModified) return "invalidate";
  const length = fieldValue(headResponse.rawHeaders, "content-length");
  const ourLength =
    fieldValue(stored.rawHeaders, "content-length") ?? (storedLength === undefined ? undefined : String(storedLength));
  if (length !== undefined && ourLength !== undefined && length !== ourLength) return "invalidate";
  // §4.3.5 takes a response without validators for a match. Here an answer that names no version does not make old
  // bytes fresh.
  return theirs.etag === undefined && theirs.lastModified === undefined ? "ignore" : "freshen";
}
