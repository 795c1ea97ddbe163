/** Updating a stored response from a 304 (RFC 9111 §3.2, §4.3.4) or from the answer to a HEAD (§4.3.5). Never changes
 * what belongs to the stored bytes. */
import type { RawHeaders, ResponseHead } from "../base/exchange.js";
import { fieldLines, fieldValue, hasField, listMembers } from "./fields.js";
import { withoutHopByHop } from "./hop-by-hop.js";
import { formatHttpDate } from "./http-date.js";
import { isStrong, stronglyEqual, validatorsOf, weaklyEqual } from "./validators.js";
import { varyWith } from "./vary.js";

/** The stored response with every field of the 304 in place of its own (§3.2): where its first line stood, or at the
 * end. `Vary` names the fields of both.
 * Its `Age`, and `Date` where the 304 brings none, were about the earlier exchange and are removed.
 * @param responseAt when the 304 came, epoch ms: becomes the `Date` of a 304 without one (RFC 9110 §6.6.1) */
export function freshen(stored: ResponseHead, validation: ResponseHead, responseAt?: number): ResponseHead {
  const updates = linesByName(withoutHopByHop(validation.rawHeaders));
  for (const name of NOT_UPDATED) updates.delete(name);
  // A cookie is only replaced where an operator had one stored.
  if (!hasField(stored.rawHeaders, "set-cookie")) updates.delete("set-cookie");
  const vary = updates.get("vary");
  // What selected the stored bytes still does: a handler that codes a body names Accept-Encoding only where there is
  // one to code.
  const wider = vary && varyWith(vary, listMembers(fieldLines(stored.rawHeaders, "vary")));
  if (wider !== undefined) updates.set("vary", ["Vary", wider]);
  for (const name of ABOUT_THE_EXCHANGE) if (!updates.has(name)) updates.set(name, []);
  if (updates.get("date")!.length === 0 && responseAt !== undefined)
    updates.set("date", ["Date", formatHttpDate(responseAt)]);

  const fields: string[] = [];
  const placed = new Set<string>();
  for (let index = 0; index + 1 < stored.rawHeaders.length; index += 2) {
    const name = stored.rawHeaders[index]!.toLowerCase();
    const update = updates.get(name);
    if (update === undefined) fields.push(stored.rawHeaders[index]!, stored.rawHeaders[index + 1]!);
    else if (!placed.has(name)) fields.push(...update);
    placed.add(name);
  }
  for (const [name, update] of updates) if (!placed.has(name)) fields.push(...update);
  return { ...stored, rawHeaders: fields };
}

/** Whether a 304 to a request with this response's validators is about this response (§4.3.4). One without validators
 * can only be: nothing else was asked about. */
export function validates(stored: ResponseHead, validation: ResponseHead): boolean {
  const ours = validatorsOf(stored);
  const theirs = validatorsOf(validation);
  if (theirs.etag !== undefined) {
    if (ours.etag === undefined) return false;
    return isStrong(theirs.etag) ? stronglyEqual(theirs.etag, ours.etag) : weaklyEqual(theirs.etag, ours.etag);
  }
  return theirs.lastModified === undefined || theirs.lastModified === ours.lastModified;
}

/* §3.2: Content-Length never, and nothing that is not stored (§3.1). Content-Encoding, Content-Range and Content-MD5
 * are about the stored bytes, which the 304 does not bring: the exception that §3.2 leaves to the integrity of the
 * stored response. */
const NOT_UPDATED: ReadonlySet<string> = new Set([
  "content-length",
  "content-encoding",
  "content-md5",
  "content-range",
  "cache-status",
]);
const ABOUT_THE_EXCHANGE: readonly string[] = ["age", "date"];

// Name and value of every line, by lower-case name.
function linesByName(raw: RawHeaders): Map<string, string[]> {
  const lines = new Map<string, string[]>();
  for (let index = 0; index + 1 < raw.length; index += 2) {
    const name = raw[index]!.toLowerCase();
    const earlier = lines.get(name);
    if (earlier === undefined) lines.set(name, [raw[index]!, raw[index + 1]!]);
    else earlier.push(raw[index]!, raw[index + 1]!);
  }
  return lines;
}

/* What the answer to a forwarded HEAD says about a stored GET (RFC 9111 §4.3.5). */

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
