/**
 * Where the plainest requests find their page: a GET without a field that could change what is asked for. For those nothing counts but scheme, host, target and
 * what a proxy in front says of them, so what was decided once holds for the next one, and no header has to be parsed. Knows keys only; whether what lies there
 * may be used is asked each time.
 */
import type { RawHeaders, RequestHead } from "../exchange.js";
import { reusability } from "../http/reusability.js";
import type { RequestFacts } from "../http/storability.js";
import { hasUndeclaredCookies } from "../key/cookies.js";
import type { CookieRules } from "../key/cookies.js";
import { FORWARDED_FIELDS } from "../key/page-key.js";
import type { ResolvedOptions } from "../resolve-options.js";
import type { ResolvedPolicy } from "../resolve-policy.js";
import type { StoreEntry } from "../store/contract.js";
import type { StoredResponse } from "../stored/stored-response.js";
import type { StoredValue } from "../stored/stored-value.js";
import { BYPASSING_FIELDS } from "./eligibility.js";

/** Fields that the decision on a request, its key or its answer may depend on, beside those below. Whoever makes any of them depend on another one names it here. */
const TELLING_FIELDS = [
  ..."authorization cookie content-length transfer-encoding if-none-match if-modified-since if-range range forwarded".split(
    " ",
  ),
  ...BYPASSING_FIELDS,
];
/** What a proxy adds to every request. They are in the key, and nothing else depends on them. */
const PLACING_FIELDS: ReadonlySet<string> = new Set(FORWARDED_FIELDS);
const HONOURED_FIELDS = ["cache-control", "pragma"];

const LONGEST_PLACE = 512;
/** Pages in one of the two generations: the younger takes the place of the older when it is full. A page costs some 260 bytes here, by what its name is long. */
const GENERATION = 16_384;

const ANONYMOUS: RequestFacts = Object.freeze({ method: "GET", authorization: false, cookies: false });

export class PlainPages {
  readonly #telling: ReadonlySet<string>;
  /** By length of a name, a bit for each first letter: most names are known by them to be neither telling nor placing. */
  readonly #suspect = new Uint32Array(64);
  #young = new Map<string, string>();
  #old = new Map<string, string>();

  readonly #cookies: CookieRules;

  constructor({ honourRequest, policy, cookies }: ResolvedOptions) {
    this.#cookies = cookies;
    const honoured = honourRequest === false ? [] : HONOURED_FIELDS;
    this.#telling = new Set([...TELLING_FIELDS, ...honoured, ...policy.keyHeaders]);
    for (const name of [...this.#telling, ...PLACING_FIELDS])
      this.#suspect[Math.min(name.length, 63)]! |= 1 << (name.charCodeAt(0) & 31);
  }

  /** The key of the page, if a request as plain as this one was answered from it before. */
  keyOf(target: string, scheme: string, rawHeaders: RawHeaders): string | undefined {
    const place = this.#placeOf(target, scheme, rawHeaders);
    if (place === undefined) return undefined;
    const key = this.#young.get(place);
    if (key !== undefined) return key;
    const older = this.#old.get(place);
    if (older !== undefined) this.#keep(place, older);
    return older;
  }

  /** Remembers where a request found its page, if it is a plain one.
   * @param policy the one that every request with this target is under; asks nothing of the application */
  learn({ method, target, scheme, rawHeaders }: RequestHead, policy: ResolvedPolicy, key: string): void {
    if (method !== "GET") return;
    // A rule for some paths may key them by fields that tell nothing elsewhere.
    if (!policy.keyHeaders.every((name) => this.#telling.has(name) || PLACING_FIELDS.has(name))) return;
    const place = this.#placeOf(target, scheme, rawHeaders);
    if (place !== undefined && place.length <= LONGEST_PLACE) this.#keep(place, key);
  }

  #keep(place: string, key: string): void {
    if (this.#young.size >= GENERATION) {
      this.#old = this.#young;
      this.#young = new Map();
    }
    this.#young.set(place, key);
  }

  // `undefined` when the request is not plain. No value has a line feed in it, no host a space.
  #placeOf(target: string, scheme: string, rawHeaders: RawHeaders): string | undefined {
    let host: string | undefined;
    let forwarded = "";
    for (let index = 0; index < rawHeaders.length; index += 2) {
      const name = rawHeaders[index]!;
      if (name.length === 4 && name.toLowerCase() === "host") {
        if (host !== undefined) return undefined;
        host = rawHeaders[index + 1]!;
      } else if (this.#isSuspect(name)) {
        const known = name.toLowerCase();
        if (this.#telling.has(known) && !(known === "cookie" && this.#saysNothing(rawHeaders[index + 1]!)))
          return undefined;
        if (PLACING_FIELDS.has(known)) forwarded += `\n${known}:${rawHeaders[index + 1]!}`;
      }
    }
    return host === undefined ? undefined : `${scheme} ${host} ${target}${forwarded}`;
  }

  // Whether these cookies are all declared harmless.
  #saysNothing(cookies: string): boolean {
    return this.#cookies.key.length === 0 && !hasUndeclaredCookies(cookies, this.#cookies);
  }

  #isSuspect(name: string): boolean {
    return ((this.#suspect[Math.min(name.length, 63)]! >>> (name.charCodeAt(0) & 31)) & 1) === 1;
  }
}

/** Whether a plain request may have this entry as it is, without anything being done about it. */
export function isPlainlyFresh(entry: StoreEntry<StoredValue>, now: number): entry is StoreEntry<StoredResponse> {
  const { value, softPurged } = entry;
  return (
    value.kind === "response" &&
    value.holes === undefined &&
    reusability(value.policy, ANONYMOUS, undefined, now, softPurged).reuse === "fresh"
  );
}
