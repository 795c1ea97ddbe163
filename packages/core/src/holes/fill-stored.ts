/** A stored page for one visitor, its holes filled. Whole, always: conditions and ranges are about a page that stays the same. */
import type { RequestHead } from "../base/exchange.js";
import type { Observer } from "../observe/observer.js";
import type { ResolvedOptions } from "../options/resolve-options.js";
import { hitMarks, respond } from "../serve/respond.js";
import type { OutgoingResponse } from "../serve/outgoing.js";
import type { StoreEntry } from "../store/contract.js";
import { wholeBody } from "../store/whole-body.js";
import type { StoredHoles } from "../stored/stored-holes.js";
import type { StoredResponse } from "../stored/stored-response.js";
import type { Holes } from "./holes.js";

/** The entry of a page that has some. */
export type EntryWithHoles = StoreEntry<StoredResponse & { readonly holes: StoredHoles }>;

export function hasHoles(entry: StoreEntry<StoredResponse>): entry is EntryWithHoles {
  return entry.value.holes !== undefined;
}

interface FillDeps {
  readonly holes: Holes;
  readonly observer: Observer;
  readonly options: Pick<ResolvedOptions, "clock" | "debugHeader">;
}

/** A hit.
 * @param native what the framework gave; `undefined` for a request of the cache's own
 * @returns `undefined` when it cannot be had: the application has to answer */
export async function fillStored(
  { holes: fillers, observer, options }: FillDeps,
  entry: EntryWithHoles,
  request: RequestHead,
  native: unknown,
  stale: boolean,
): Promise<OutgoingResponse | undefined> {
  const now = options.clock.now();
  const marks = hitMarks(entry, stale, now, options.debugHeader);
  const response = respond(entry, { ...request, method: "GET", headers: {} }, now, marks);
  const { holes } = entry.value;
  const body = await bodyOf(entry);
  const sent = request.method === "HEAD" ? "length" : "content";
  const filled = body && (await fillers.fillIn({ response, body, holes, sent }, native));
  if (filled !== undefined) observer.hit(request.target, stale);
  return filled;
}

// A body that cannot be read is a miss: the store has told of it.
async function bodyOf(entry: EntryWithHoles): Promise<Buffer | undefined> {
  try {
    return await wholeBody(entry);
  } catch {
    return undefined;
  }
}
