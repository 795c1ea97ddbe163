/** A page with its holes filled for one client: a stored one, or the handler's own. Always complete: conditions and
 * ranges are about a page that stays the same. */
import { holeError, hookError } from "../../base/errors.js";
import type { RequestHead, ResponseHead } from "../../base/exchange.js";
import { formatCacheStatus } from "../../http/cache-status.js";
import type { ForwardReason } from "../../http/cache-status.js";
import { withoutFields } from "../../http/fields.js";
import type { Observer } from "../../base/observer.js";
import type { ResolvedOptions } from "../../options/resolve-options.js";
import type { OutgoingResponse } from "../../stored/outgoing.js";
import { hitMarks, respond } from "../../stored/respond.js";
import type { Shown } from "../../stored/respond.js";
import type { StoreEntry } from "../../store/contract.js";
import { wholeBody } from "../../store/contract.js";
import { NO_OUTER_FIELDS } from "../../stored/stored-response.js";
import type { StoredHoles, StoredResponse } from "../../stored/stored-response.js";
import { contentCodings, decodeContent } from "./cut.js";
import { unfilled } from "./holes.js";
import type { Holes } from "./holes.js";

/** The entry of a page that has some. */
export type EntryWithHoles = StoreEntry<StoredResponse & { readonly holes: StoredHoles }>;

export function hasHoles(entry: StoreEntry<StoredResponse>): entry is EntryWithHoles {
  return entry.value.holes !== undefined;
}

interface FillDeps {
  readonly holes: Holes;
  readonly observer: Observer;
  readonly options: Pick<ResolvedOptions, "clock" | keyof Shown>;
}

/** A hit.
 * @param native what the framework passed in; `undefined` for a request of the cache's own
 * @returns `undefined` when it is not available: the application has to answer */
export async function fillStored(
  { holes: fillers, observer, options }: FillDeps,
  entry: EntryWithHoles,
  request: RequestHead,
  native: unknown,
  stale: boolean,
): Promise<OutgoingResponse | undefined> {
  const now = options.clock.now();
  const marks = hitMarks(entry, stale, now, options);
  const response = respond(entry, { ...request, method: "GET", headers: {} }, now, marks);
  const { holes } = entry.value;
  const body = await bodyOf(entry);
  const sent = request.method === "HEAD" ? "length" : "content";
  const filled = body && (await fillers.fillIn({ response, body, holes, sent }, native));
  if (filled !== undefined) observer.hit(request.target, stale, request.method);
  return filled;
}

// A body that cannot be read is a miss: the store has reported it.
async function bodyOf(entry: EntryWithHoles): Promise<Buffer | undefined> {
  try {
    return await wholeBody(entry);
  } catch {
    return undefined;
  }
}

/* The handler's own response with its holes filled: on its way to the first client, or to one whose page is not
 * stored. */

const ENCODING: ReadonlySet<string> = new Set(["content-encoding"]);
const CONTENTLESS: ReadonlySet<number> = new Set([204, 304]);

/** Why a response with holes may not be stored; `undefined` when it may. */
export function holesRefusal(holes: StoredHoles | undefined, { status, rawHeaders }: ResponseHead): string | undefined {
  if (holes === undefined) return undefined;
  if (status === 206) return "hole-partial";
  return contentCodings(rawHeaders).length === 0 ? undefined : "hole-encoded";
}

/** The request that a response was made for. */
interface Forwarded {
  readonly request: RequestHead;
  readonly native: unknown;
  /** Of the cache's own: no client gets the answer, so nothing is filled. */
  readonly own: boolean;
  readonly reason: ForwardReason;
}

/** Never rejects: what cannot be filled becomes an error page.
 * @param head with the fields that the client is to see */
export async function fillMade(
  { holes: fillers, observer }: Pick<FillDeps, "holes" | "observer">,
  { request, native, own, reason }: Forwarded,
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
