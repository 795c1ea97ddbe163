/** Finds a response of a target that a stored `No-Vary-Search` calls equivalent. Asked only where the target itself has nothing stored. */
import type { RequestHead } from "../base/exchange.js";
import { canonicalQuery, parseNoVarySearch } from "../http/no-vary-search.js";
import { pathKey } from "../key/page-key.js";
import type { PageKey } from "../key/page-key.js";
import { searchAliasKey, searchRecordKey } from "../key/search-key.js";
import { andThen } from "../base/maybe-async.js";
import type { MaybeAsync } from "../base/maybe-async.js";
import type { Store } from "../store/contract.js";
import type { StoredValue } from "../stored/stored-value.js";
import { select } from "./select.js";
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

  // The response's own rule decides, and a purge of the target asked for ends what it is answered with, too.
  function isEquivalent({ entry }: Selection): boolean {
    const { scope, name, tags, birth } = entry.head;
    const variance = parseNoVarySearch(entry.value.head.rawHeaders);
    return (
      canonicalQuery(name, variance) === canonicalQuery(page.name, variance) &&
      store.alive({ scope, name: page.name, tags, birth })
    );
  }
}
