/** Where responses are looked for whose query matters only in part (`No-Vary-Search`). */

/** The rules that responses of a path gave. */
export function searchRecordKey(pathKey: string): string {
  return `${pathKey}search `;
}

/** @param query as a rule spells it */
export function searchAliasKey(pathKey: string, query: string): string {
  return `${pathKey}search ${query.length}:${query} `;
}
