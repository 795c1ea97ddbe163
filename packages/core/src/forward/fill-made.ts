/** The handler's own response with its holes filled: on its way to the first visitor, or to one whose page is not kept. */
import type { CacheContext } from "../context.js";
import { hookError, holeError } from "../base/errors.js";
import type { ResponseHead } from "../base/exchange.js";
import { formatCacheStatus } from "../http/cache-status.js";
import { withoutFields } from "../http/fields.js";
import { contentCodings, decodeContent } from "../holes/decode-content.js";
import { unfilled } from "../holes/holes.js";
import { NO_OUTER_FIELDS } from "../stored/outer-fields.js";
import type { OutgoingResponse } from "../serve/outgoing.js";
import type { StoredHoles } from "../stored/stored-holes.js";
import type { ForwardPlan } from "./forward-plan.js";

const ENCODING: ReadonlySet<string> = new Set(["content-encoding"]);
const CONTENTLESS: ReadonlySet<number> = new Set([204, 304]);

/** Why a response with holes may not be kept; `undefined` when it may. */
export function holesRefusal(holes: StoredHoles | undefined, { status, rawHeaders }: ResponseHead): string | undefined {
  if (holes === undefined) return undefined;
  if (status === 206) return "hole-partial";
  return contentCodings(rawHeaders).length === 0 ? undefined : "hole-encoded";
}

/** Never rejects: what cannot be filled becomes an error page.
 * @param head with the fields that the visitor is to see */
export async function fillMade(
  { holes: fillers, observer }: CacheContext,
  { request, native, own, reason }: ForwardPlan,
  head: ResponseHead,
  holes: StoredHoles,
  content: Buffer,
): Promise<OutgoingResponse> {
  const { status, statusText } = head;
  const contentless = request.method === "HEAD" || CONTENTLESS.has(status);
  const failed = unfilled(formatCacheStatus({ fwd: reason, fwdStatus: status, detail: "hole-failed" }));
  if (status === 206) {
    observer.error(holeError("a part of a page cannot be filled"));
    return failed;
  }
  let body: Buffer;
  try {
    body = contentless ? content : await decodeContent(contentCodings(head.rawHeaders), content);
  } catch (cause) {
    observer.error(hookError("holes of an encoded page", cause));
    return failed;
  }
  const headers = withoutFields(head.rawHeaders, ENCODING);
  const response = { status, statusText, headers, outer: NO_OUTER_FIELDS };
  return (
    (await fillers.fillIn(
      { response, body, holes, sent: contentless ? "nothing" : "content" },
      own ? undefined : native,
    )) ?? failed
  );
}
