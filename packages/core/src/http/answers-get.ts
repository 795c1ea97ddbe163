/** POST responses that are representations of their target, so that later GETs may get them (RFC 9110 §9.3.3). For
 * operators that enable it. */
import type { ResponseHead } from "../base/exchange.js";
import { fieldLines } from "./fields.js";

/** Whether the response to a POST may answer GETs for its target: a success whose one `Content-Location` is that
 * target. Its explicit freshness is for `storability()` to find.
 * @param targetUri absolute */
export function answersGet(targetUri: string, response: ResponseHead): boolean {
  const locations = fieldLines(response.rawHeaders, "content-location");
  if (locations.length !== 1 || response.status !== 200) return false;
  try {
    return new URL(locations[0]!, targetUri).href === new URL(targetUri).href;
  } catch {
    return false;
  }
}
