/**
 * Where the plainest requests find their page: a GET without a field that could change what is asked for. For those nothing counts but scheme, host and
 * target, so what was decided once holds for the next one, and no header has to be read. Knows keys only; whether what lies there may be used is asked each time.
 */
import type { RawHeaders, RequestHead } from "../exchange.js";
import { reusability } from "../http/reusability.js";
import type { RequestFacts } from "../http/storability.js";
import { FORWARDED_FIELDS } from "../key/page-key.js";
import type { ResolvedOptions } from "../resolve-options.js";
import type { ResolvedPolicy } from "../resolve-policy.js";
import type { StoreEntry } from "../store/contract.js";
import type { StoredResponse } from "../stored/stored-response.js";
import type { StoredValue } from "../stored/stored-value.js";
import { BYPASSING_FIELDS } from "./eligibility.js";

/** Fields that the decision on a request, its key or its answer may depend on. Whoever makes any of them depend on another one names it here. */
const TELLING_FIELDS = [
  ..."authorization cookie content-length transfer-encoding if-none-match if-modified-since if-range range forwarded".split(
    " ",
  ),
  ...FORWARDED_FIELDS,
  ...BYPASSING_FIELDS,
];
const HONOURED_FIELDS = ["cache-control", "pragma"];

const LONGEST_TARGET = 512;
/** Pages in one of the two generations: the younger takes the place of the older when it is full. */
const GENERATION = 4096;

const ANONYMOUS: RequestFacts = Object.freeze({ method: "GET", authorization: false, cookies: false });

export class PlainPages {
  /** By length of a name, a bit for each first letter: a few names more than meant are told apart from the plain ones, none less. */
  readonly #telling = new Uint32Array(64);
  #young = new Map<string, string>();
  #old = new Map<string, string>();

  constructor({ honourRequest, policy }: ResolvedOptions) {
    const honoured = honourRequest === false ? [] : HONOURED_FIELDS;
    for (const name of [...TELLING_FIELDS, ...honoured, ...policy.keyHeaders])
      this.#telling[Math.min(name.length, 63)]! |= 1 << (name.charCodeAt(0) & 31);
  }

  /** The key of the page, if a request as plain as this one was answered from it before. */
  keyOf(target: string, scheme: string, rawHeaders: RawHeaders): string | undefined {
    const host = this.#plainHost(rawHeaders);
    if (host === undefined) return undefined;
    const place = placeOf(host, scheme, target);
    const key = this.#young.get(place);
    if (key !== undefined) return key;
    const older = this.#old.get(place);
    if (older !== undefined) this.#keep(place, older);
    return older;
  }

  /** Remembers where a request found its page, if it is a plain one.
   * @param policy the one that every request with this target is under; asks nothing of the application */
  learn({ method, target, scheme, rawHeaders }: RequestHead, policy: ResolvedPolicy, key: string): void {
    if (method !== "GET" || target.length > LONGEST_TARGET) return;
    // A rule for some paths may key them by fields that tell nothing elsewhere.
    if (!policy.keyHeaders.every((name) => this.#tells(name))) return;
    const host = this.#plainHost(rawHeaders);
    if (host !== undefined) this.#keep(placeOf(host, scheme, target), key);
  }

  #keep(place: string, key: string): void {
    if (this.#young.size >= GENERATION) {
      this.#old = this.#young;
      this.#young = new Map();
    }
    this.#young.set(place, key);
  }

  // The one `Host`; `undefined` when the request is not plain.
  #plainHost(rawHeaders: RawHeaders): string | undefined {
    let host: string | undefined;
    for (let index = 0; index < rawHeaders.length; index += 2) {
      const name = rawHeaders[index]!;
      if (name.length === 4 && name.toLowerCase() === "host") {
        if (host !== undefined) return undefined;
        host = rawHeaders[index + 1]!;
      } else if (this.#tells(name)) return undefined;
    }
    return host;
  }

  #tells(name: string): boolean {
    return ((this.#telling[Math.min(name.length, 63)]! >>> (name.charCodeAt(0) & 31)) & 1) === 1;
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

// A host has no space in it, and a target begins with "/".
function placeOf(host: string, scheme: string, target: string): string {
  return `${scheme} ${host} ${target}`;
}
