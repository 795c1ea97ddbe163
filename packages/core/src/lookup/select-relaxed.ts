/** The rare selections, tried only where the target itself selects nothing: a response that a stored `No-Vary-Search`
 * calls equivalent, a stored part (206), a variant in another language. */
import type { RequestHead } from "../base/exchange.js";
import { andThen } from "../base/async.js";
import type { MaybeAsync } from "../base/async.js";
import { fieldLines } from "../http/fields.js";
import { missingRange, selectFromFragment } from "../http/partial-content.js";
import { prefersLanguageOf } from "../http/negotiation.js";
import { canonicalQuery, parseNoVarySearch } from "../http/no-vary-search.js";
import { isStrong, validatorsOf } from "../http/validators.js";
import { partPage, pathKey, searchAliasKey, searchRecordKey, variantKey } from "../key/page-key.js";
import type { PageKey } from "../key/page-key.js";
import type { Store } from "../store/contract.js";
import type { StoredValue } from "../stored/stored-value.js";
import { moreRecent, select, varyRecordUnder } from "./select.js";
import type { Absence, Selection } from "./select.js";

export function selectEquivalent(
  store: Store<StoredValue>,
  page: PageKey,
  request: RequestHead,
): MaybeAsync<Selection | Absence> {
  const path = page.name.includes("?") ? pathKey(page, request) : undefined;
  if (path === undefined) return "uri-miss";
  return andThen(store.get(searchRecordKey(path)), (record) => {
    let found = undefined as MaybeAsync<Selection | undefined>;
    for (const rule of record?.value.kind === "search" ? record.value.rules : []) {
      const query = canonicalQuery(page.name, parseNoVarySearch(["No-Vary-Search", rule]));
      found = andThen(found, (before) => before ?? underAlias(query));
    }
    return andThen(found, (selected): Selection | Absence => selected ?? "uri-miss");
  });

  function underAlias(query: string): MaybeAsync<Selection | undefined> {
    return andThen(store.get(searchAliasKey(path!, query)), (alias) => {
      if (alias?.value.kind !== "alias") return undefined;
      return andThen(select(store, alias.value.key, request), (selected) =>
        typeof selected !== "string" && isEquivalent(selected) ? selected : undefined,
      );
    });
  }

  // The response's own rule decides, and a purge of the requested target also invalidates what answers it.
  function isEquivalent({ entry }: Selection): boolean {
    const { scope, name, tags, birth } = entry.head;
    const variance = parseNoVarySearch(entry.value.head.rawHeaders);
    return (
      canonicalQuery(name, variance) === canonicalQuery(page.name, variance) &&
      store.survivesPurges({ scope, name: page.name, tags, birth })
    );
  }
}

/* Looks for a stored part (206) of a page that is not stored as a whole. For operators that enable it
 * (`relaxed.partial`). */

export interface SelectedPart {
  readonly selection: Selection;
  /** `answers`: it holds the requested range. `begins`: the whole is requested, and this is its beginning. */
  readonly use: "answers" | "begins";
}

export function selectPart(
  store: Store<StoredValue>,
  page: PageKey,
  request: RequestHead,
): MaybeAsync<SelectedPart | undefined> {
  // If-Range asks for the whole where it does not match, and the whole is not here.
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
  // A weak tag cannot prove that the rest belongs to it (RFC 9111 §3.4), and a long beginning is on disk and would
  // have to be copied first: then the whole is requested.
  const joinable = entry.body !== undefined && (etag === undefined || isStrong(etag));
  return joinable && missingRange(head) !== undefined ? "begins" : undefined;
}

/* Chooses among the stored languages of a page for a client whose `Accept-Language` has not been seen before. For
 * operators that enable it (`relaxed.guessLanguage`). */

export function guessLanguage(
  store: Store<StoredValue>,
  key: string,
  request: RequestHead,
): MaybeAsync<Selection | Absence> {
  const acceptLanguage = fieldLines(request.rawHeaders, "accept-language");
  return andThen(varyRecordUnder(store, key), (record): MaybeAsync<Selection | Absence> => {
    // Where another field selects as well, the language alone cannot.
    if (record === undefined || record.selectors.some((fields) => fields.join() !== "accept-language"))
      return "vary-miss";
    let candidates = undefined as MaybeAsync<Selection | undefined>;
    for (const { digest } of record.variants) {
      const under = variantKey(key, digest);
      const found = store.get(under);
      candidates = andThen(candidates, (best) => andThen(found, (entry) => moreRecent(best, under, entry, suits)));
    }
    return andThen(candidates, (best) => best ?? "vary-miss");
  });

  function suits({ entry }: Selection): boolean {
    return prefersLanguageOf(acceptLanguage, entry.value.head);
  }
}
