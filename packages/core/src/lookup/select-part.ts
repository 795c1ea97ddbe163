/** Looks for a stored part (206) of a page that is not stored as a whole. For operators who ask for it (`relaxed.partial`). */
import type { RequestHead } from "../base/exchange.js";
import { missingRange, selectFromFragment } from "../http/fragment.js";
import { isStrong, validatorsOf } from "../http/validators.js";
import type { PageKey } from "../key/page-key.js";
import { partPage } from "../key/part-page.js";
import { andThen } from "../base/maybe-async.js";
import type { MaybeAsync } from "../base/maybe-async.js";
import type { Store } from "../store/contract.js";
import type { StoredValue } from "../stored/stored-value.js";
import { select } from "./select.js";
import type { Selection } from "./select.js";

export interface SelectedPart {
  readonly selection: Selection;
  /** `answers`: it holds the range asked for. `begins`: the whole is asked for, and this is how it begins. */
  readonly use: "answers" | "begins";
}

export function selectPart(
  store: Store<StoredValue>,
  page: PageKey,
  request: RequestHead,
): MaybeAsync<SelectedPart | undefined> {
  // If-Range asks for the whole where it does not hold, and the whole is not here.
  if (request.method !== "GET" || request.headers["if-range"] !== undefined) return undefined;
  return andThen(select(store, partPage(page).key, request), (selection) => {
    if (typeof selection === "string") return undefined;
    const use = useOf(selection, request.headers.range as string | undefined);
    return use && { selection, use };
  });
}

function useOf({ entry }: Selection, range: string | undefined): SelectedPart["use"] | undefined {
  const { head } = entry.value;
  if (range !== undefined)
    return selectFromFragment(range, head, entry.bodyBytes) === undefined ? undefined : "answers";
  const { etag } = validatorsOf(head);
  // A weak tag could not tell that the rest belongs to it (RFC 9111 §3.4), and a long beginning lies on disk and would have to be copied first: then the whole is asked for.
  const joinable = entry.body !== undefined && (etag === undefined || isStrong(etag));
  return joinable && missingRange(head) !== undefined ? "begins" : undefined;
}
