/** The records that lead to stored responses: the variants of a page (RFC 9111 §4.1), and the rules and aliases of
 * `No-Vary-Search`. As text, and back. */

/** At most this many variants of one URL are kept. */
export const MAX_VARIANTS = 64;
/** At most this many different `Vary` fields of one URL are remembered. */
const MAX_SELECTORS = 4;

export interface VaryRecord {
  readonly kind: "vary";
  /** Sets of request fields that responses of this URL named, each sorted; the newest last. */
  readonly selectors: readonly (readonly string[])[];
  /** Variants by digest, oldest first. Only what is listed here is ever looked up. */
  readonly variants: readonly Variant[];
}

export interface Variant {
  readonly digest: string;
  /** When it is of no more use, epoch milliseconds. */
  readonly expiresAt: number;
  /** Hits in this process since it was loaded: a variant that was asked for again is kept over one that never was. */
  hits: number;
}

/* Lines: the kind, the selectors (fields joined by commas, sets by spaces), then one line for each
 * variant: its digest and the moment it expires:
 *   v
 *   accept-language accept-language,cookie
 *   9f86d081884c7d65… 1700000000000                                                            */

export function encodeVaryRecord(record: VaryRecord): string {
  const selectors = record.selectors.map((fields) => fields.join(",")).join(" ");
  return ["v", selectors, ...record.variants.map(({ digest, expiresAt }) => `${digest} ${expiresAt}`)].join("\n");
}

/** @throws {Error} when the text is not one that `encodeVaryRecord` wrote */
export function decodeVaryRecord(lines: readonly string[]): VaryRecord {
  const [, selectors = "", ...variants] = lines;
  return {
    kind: "vary",
    selectors: selectors.split(" ").map((fields) => fields.split(",")),
    variants: variants.map((line) => {
      const [digest, expiresAt] = line.split(" ");
      if (digest === undefined || !(Number(expiresAt) >= 0)) throw new Error("not a variant record");
      return { digest, expiresAt: Number(expiresAt), hits: 0 };
    }),
  };
}

/** The record with one more variant, and the digests of those that had to go for it. */
export function withVariant(
  record: VaryRecord | undefined,
  selector: readonly string[],
  variant: { readonly digest: string; readonly expiresAt: number },
): { readonly record: VaryRecord; readonly dropped: readonly string[] } {
  const name = selector.join(",");
  const selectors = [...(record?.selectors ?? []).filter((fields) => fields.join(",") !== name), selector].slice(
    -MAX_SELECTORS,
  );
  const others = (record?.variants ?? []).filter(({ digest }) => digest !== variant.digest);
  const dropped: string[] = [];
  while (others.length >= MAX_VARIANTS)
    dropped.push(...others.splice(leastWanted(others), 1).map(({ digest }) => digest));
  return { record: { kind: "vary", selectors, variants: [...others, { ...variant, hits: 0 }] }, dropped };
}

// Drops the oldest that was not asked for again, else the oldest: a flood of one-off variants pushes out its own kind
// before a wanted one.
function leastWanted(variants: readonly Variant[]): number {
  return Math.max(
    0,
    variants.findIndex(({ hits }) => hits === 0),
  );
}

/** How a response is found by a target whose query differs only where that does not matter (`No-Vary-Search`): a
 * record of the rules under the path, and an alias for each query, normalised by a rule. */

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
