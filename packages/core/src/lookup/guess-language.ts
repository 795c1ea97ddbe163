/** Chooses among the stored languages of a page for a visitor nobody with the same `Accept-Language` came before. For operators who ask for it (`relaxed.guessLanguage`). */
import type { RequestHead } from "../base/exchange.js";
import { fieldLines } from "../http/fields.js";
import { prefersLanguageOf } from "../http/language.js";
import { variantKey } from "../key/variant-key.js";
import { andThen } from "../base/maybe-async.js";
import type { MaybeAsync } from "../base/maybe-async.js";
import type { Store } from "../store/contract.js";
import type { StoredValue } from "../stored/stored-value.js";
import { moreRecent, varyRecordUnder } from "./select.js";
import type { Absence, Selection } from "./select.js";

export function guessLanguage(
  store: Store<StoredValue>,
  key: string,
  request: RequestHead,
): MaybeAsync<Selection | Absence> {
  const acceptLanguage = fieldLines(request.rawHeaders, "accept-language");
  return andThen(varyRecordUnder(store, key), (record): MaybeAsync<Selection | Absence> => {
    // Where anything else selects as well, the language alone cannot.
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
