/** How a response is found by a target whose query differs only where that does not matter (`No-Vary-Search`): a record of the rules under the path, and an alias for each query in the spelling of a rule. */

/** At most this many different rules of one path are remembered. */
const MAX_RULES = 4;

/** Lies under the path. */
export interface SearchRecord {
  readonly kind: "search";
  /** Values of `No-Vary-Search` that responses of this path gave, the newest last. */
  readonly rules: readonly string[];
}

/** Lies under the path and a query as a rule spells it. */
export interface SearchAlias {
  readonly kind: "alias";
  /** Key of the newest page whose query is equivalent. */
  readonly key: string;
}

/* Lines, the kind first:
 *   s                                  a
 *   params=("utm_source")              3:GET 4:http 11:example.com 4:/a?b */

export function encodeSearchRecord({ rules }: SearchRecord): string {
  return ["s", ...rules].join("\n");
}

export function encodeSearchAlias({ key }: SearchAlias): string {
  return `a\n${key}`;
}

export function decodeSearchRecord([, ...rules]: readonly string[]): SearchRecord {
  return { kind: "search", rules };
}

export function decodeSearchAlias([, ...key]: readonly string[]): SearchAlias {
  return { kind: "alias", key: key.join("\n") };
}

export function withRule(record: SearchRecord | undefined, rule: string): SearchRecord {
  const others = (record?.rules ?? []).filter((known) => known !== rule);
  return { kind: "search", rules: [...others, rule].slice(-MAX_RULES) };
}
