/**
 * The one table of what the cache may add to a response or change in it, beside what the bare framework sends.
 * Everything else has to be the same. Never looks at bodies.
 */
import type { Field } from "./program.js";

/** The values of one field, on the bare framework and through the cache, and what else the answer is. */
interface FieldPair {
  readonly bare: readonly string[];
  readonly cached: readonly string[];
  /** Whether the cache answered with 206, 304 or 416 in the place of the bare 200. */
  readonly ownStatus: boolean;
  /** Whether the application's 304 named other fields in `Vary` than its page, and the answer says so. */
  readonly otherVary: boolean;
}

type Allowed = (pair: FieldPair) => boolean;

const ANY: Allowed = () => true;
const ADDED: Allowed = ({ bare, cached }) => bare.length === 0 || same(bare, cached);
const WITH_OWN_STATUS: Allowed = ({ ownStatus }) => ownStatus;

/** By name, in lower case. */
const ADDITIONS: Readonly<Record<string, Allowed>> = {
  // docs/cache-status.md.
  "cache-status": ANY,
  // RFC 9111 §5.1: on hits.
  age: ANY,
  // Made when a page that has no validator is stored in one piece. Compression outside weakens that of what it encodes.
  etag: (pair) => ADDED(pair) || (pair.ownStatus && same(pair.bare.map(weak), pair.cached.map(weak))),
  // The cache's clock stands still, the server's does not.
  date: ({ bare, cached }) => bare.length === cached.length,
  // The connection's own affair.
  connection: ANY,
  "keep-alive": ANY,
  // The framing may differ; that it fits the body is looked at elsewhere.
  "content-length": ANY,
  "transfer-encoding": ANY,
  // What sends a coding varies on what is accepted; what is not coded outside, because it is a part, need not say so.
  // Nor does compression speak of a 304 that Express makes: the page has the fields of that one then.
  vary: ({ bare, cached, ownStatus, otherVary }) => {
    const members = new Set(listed(cached));
    const missing = listed(bare).filter((member) => !members.delete(member));
    return (
      missing.every((member) => (ownStatus || otherVary) && member === "accept-encoding") &&
      [...members].every((member) => member === "accept-encoding")
    );
  },
  // RFC 9110 §15.3.7, §15.4.5, §15.5.17: parts, and what a 304 and a 416 leave away.
  "content-range": WITH_OWN_STATUS,
};

/** What a 304 need not say of the body that it does not have (RFC 9110 §15.4.5). */
const OF_THE_BODY: ReadonlySet<string> = new Set(["content-language", "content-encoding"]);

/** Names of the fields that differ although the table does not allow it. */
export function differingFields(
  bare: readonly Field[],
  cached: readonly Field[],
  { ownStatus, bodiless }: { readonly ownStatus: boolean; readonly bodiless: boolean },
): { readonly name: string; readonly bare: readonly string[]; readonly cached: readonly string[] }[] {
  const groups = [grouped(bare), grouped(cached)] as const;
  const otherVary = / detail=other-vary\b/.test(String(groups[1].get("cache-status")));
  return [...new Set(groups.flatMap((group) => [...group.keys()]))]
    .map((name) => ({ name, bare: groups[0].get(name) ?? [], cached: groups[1].get(name) ?? [] }))
    .filter((pair) => !same(pair.bare, pair.cached))
    .filter((pair) => !ADDITIONS[pair.name]?.({ ...pair, ownStatus, otherVary }))
    .filter((pair) => !((ownStatus || (bodiless && OF_THE_BODY.has(pair.name))) && pair.cached.length === 0));
}

function grouped(fields: readonly Field[]): Map<string, string[]> {
  const groups = new Map<string, string[]>();
  for (const [given, value] of fields) {
    const name = given.toLowerCase();
    groups.set(name, [...(groups.get(name) ?? []), value]);
  }
  return groups;
}

function listed(values: readonly string[]): string[] {
  return [
    ...new Set(
      values
        .join(",")
        .toLowerCase()
        .split(",")
        .map((member) => member.trim()),
    ),
  ].filter(Boolean);
}

function weak(tag: string): string {
  return tag.replace(/^(?:W\/)?/, "W/");
}

function same(one: readonly string[], other: readonly string[]): boolean {
  return one.length === other.length && one.every((value, index) => value === other[index]);
}
