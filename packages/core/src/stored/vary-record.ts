/** What lies under the key of a page whose responses vary: which request fields select among them, and which variants there are (RFC 9111 §4.1). */

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

/* Lines: the kind, the selectors (fields joined by commas, sets by spaces), then a digest and the moment it expires a line:
 *   v
 *   accept-language accept-language,cookie
 *   9f86d081884c7d65… 1700000000000                                                                                */

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

// The oldest that nobody asked for again, else the oldest: a flood of one-off variants pushes out its own kind before a wanted one.
function leastWanted(variants: readonly Variant[]): number {
  return Math.max(
    0,
    variants.findIndex(({ hits }) => hits === 0),
  );
}
