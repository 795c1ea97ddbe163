/** The content codings a page can be kept in (RFC 9110 §8.4.1; `br` RFC 7932, `zstd` RFC 8878), and which of them this
 * Node can make. */
import zlib from "node:zlib";

export type Coding = "br" | "zstd" | "gzip";

/** All of them, the one that compresses best first. */
export const CODINGS: readonly Coding[] = Object.freeze(["br", "zstd", "gzip"]);

const lists = new Map<string, readonly Coding[]>();

/** The codings among comma-separated names, without those that this version does not know. The same names give the
 * same list, so lists can be compared by identity.
 * @example codingsNamed("br,gzip") // ["br", "gzip"] */
export function codingsNamed(names: string): readonly Coding[] {
  const known = lists.get(names);
  if (known !== undefined) return known;
  const codings = names.split(",").flatMap((name) => CODINGS.filter((coding) => coding === name));
  const list = lists.get(codings.join()) ?? Object.freeze(codings);
  lists.set(codings.join(), list);
  return list;
}

/** Whether this Node can produce it: `zstd` came with Node 22.15 and 23.8. */
export function isAvailable(coding: Coding): boolean {
  return coding !== "zstd" || "createZstdCompress" in zlib;
}
