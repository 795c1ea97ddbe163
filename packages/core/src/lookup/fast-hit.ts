/**
 * The keys of the fast path, for plain requests: a GET without a field that could change what is requested. For those
 * only scheme, host, target and the fields that a proxy in front adds count, so no header has to be parsed, and all but
 * the target is the same for most of them. Knows keys only; whether what is stored under one may be used is checked
 * each time.
 */
import { setImmediate } from "node:timers";
import type { RawHeaders, RequestHead } from "../base/exchange.js";
import { Recent } from "../base/recent.js";
import { reusability } from "../http/reusability.js";
import type { RequestFacts } from "../http/stored-policy.js";
import { hasUndeclaredCookies } from "../key/cookies.js";
import { framedKey, keyFrame } from "../key/page-key.js";
import type { KeyFrame } from "../key/page-key.js";
import { canonicalTarget } from "../key/query.js";
import { DECIDING_FIELDS, FORWARDED_FIELDS } from "../key/request-fields.js";
import type { ResolvedOptions } from "../options/resolve-options.js";
import type { WholePolicy } from "../options/resolve-policy.js";
import type { StoreEntry } from "../store/contract.js";
import type { StoredResponse } from "../stored/stored-response.js";
import type { StoredValue } from "../stored/stored-value.js";
import { bypassReason, isPageTarget } from "./eligibility.js";

/** What a proxy adds to every request. They are in the key, and nothing else depends on them. */
const PLACING_FIELDS: ReadonlySet<string> = new Set(FORWARDED_FIELDS);
const HONOURED_FIELDS = ["cache-control", "pragma"];

/** Frames remembered under a policy: clients choose hosts, and some of them the proxy fields. */
const REMEMBERED_FRAMES = 256;
/** Keys that are skipped. */
const REMEMBERED_PASSED_OVER = 4096;

const ANONYMOUS: RequestFacts = Object.freeze({ method: "GET", authorization: false, cookies: false });

/** What the keys of requests have in common, by everything about them beside their target; `undefined` for requests
 * that the fast path skips. */
type Frames = Recent<string, KeyFrame | undefined>;

export class FastHits {
  readonly #options: ResolvedOptions;
  readonly #policyOf: (target: string) => WholePolicy | undefined;
  readonly #telling: ReadonlySet<string>;
  /** By length of a name, a bit for each first letter: rules out most names as neither telling nor placing. */
  readonly #suspect = new Uint32Array(64);
  /** `undefined` where requests under a policy cannot be plain. */
  readonly #frames = new WeakMap<WholePolicy, { readonly frames: Frames | undefined }>();
  readonly #passedOver = new Recent<string, true>(REMEMBERED_PASSED_OVER);

  /** @param policyOf which one a target is under; `undefined` where the application's own functions decide */
  constructor(options: ResolvedOptions, policyOf: (target: string) => WholePolicy | undefined) {
    this.#options = options;
    this.#policyOf = policyOf;
    const honoured = options.honourRequest === false ? [] : HONOURED_FIELDS;
    this.#telling = new Set([...DECIDING_FIELDS, ...honoured, ...options.policy.keyHeaders]);
    for (const name of [...this.#telling, ...PLACING_FIELDS])
      this.#suspect[Math.min(name.length, 63)]! |= 1 << (name.charCodeAt(0) & 31);
    for (const { text, whole } of options.credentials.hints)
      for (let length = text.length; length <= (whole ? text.length : 63); length++)
        this.#suspect[Math.min(length, 63)]! |= 1 << (text.charCodeAt(0) & 31);
  }

  /** The key of a GET, if it is plain and may have a stored response. */
  keyOf(target: string, scheme: string, rawHeaders: RawHeaders): string | undefined {
    if (!isPageTarget(target)) return undefined;
    const policy = this.#policyOf(target);
    const frame = policy && this.#frameOf(policy, scheme, rawHeaders);
    if (frame === undefined) return undefined;
    const key = framedKey(frame, canonicalTarget(target, policy!.query));
    return this.#passedOver.size > 0 && this.#passedOver.has(key) ? undefined : key;
  }

  /** Under this key is no page that a plain request can be answered with as it is: a lookup is of no use. */
  passOver(key: string): void {
    this.#passedOver.set(key, true);
  }

  /** There is one now. */
  takeUp(key: string): void {
    if (this.#passedOver.size > 0) this.#passedOver.delete(key);
  }

  #frameOf(policy: WholePolicy, scheme: string, rawHeaders: RawHeaders): KeyFrame | undefined {
    const frames = this.#framesUnder(policy);
    const said = frames && this.#saidBy(scheme, rawHeaders);
    if (said === undefined) return undefined;
    const known = frames!.get(said);
    if (known !== undefined || frames!.has(said)) return known;
    const request = plainRequest(scheme, rawHeaders);
    const leave = bypassReason(request, policy.methods, this.#options.hosts) !== undefined;
    const frame = leave ? undefined : keyFrame(request, policy, this.#options);
    frames!.set(said, frame);
    return frame;
  }

  #framesUnder(policy: WholePolicy): Frames | undefined {
    const known = this.#frames.get(policy);
    if (known !== undefined) return known.frames;
    const plain =
      this.#options.enabled &&
      policy.leave === undefined &&
      // A rule for some paths may key them by fields that mean nothing elsewhere.
      policy.keyHeaders.every((name) => this.#telling.has(name) || PLACING_FIELDS.has(name));
    const frames: Frames | undefined = plain ? new Recent(REMEMBERED_FRAMES) : undefined;
    this.#frames.set(policy, { frames });
    return frames;
  }

  // `undefined` when the request is not plain. No value has a line feed in it, no host a space.
  #saidBy(scheme: string, rawHeaders: RawHeaders): string | undefined {
    let host: string | undefined;
    let forwarded = "";
    for (let index = 0; index < rawHeaders.length; index += 2) {
      const name = rawHeaders[index]!;
      if (isHostField(name)) {
        if (host !== undefined) return undefined;
        host = rawHeaders[index + 1]!;
      } else if (this.#isSuspect(name)) {
        const known = name.toLowerCase();
        if (this.#options.credentials.has(known)) return undefined;
        if (this.#telling.has(known) && !(known === "cookie" && this.#saysNothing(rawHeaders[index + 1]!)))
          return undefined;
        if (PLACING_FIELDS.has(known)) forwarded += `\n${known}:${rawHeaders[index + 1]!}`;
      }
    }
    return host === undefined ? undefined : `${scheme} ${host}${forwarded}`;
  }

  // Whether all of these cookies are declared harmless.
  #saysNothing(given: string): boolean {
    const { cookies } = this.#options;
    return cookies.key.length === 0 && !hasUndeclaredCookies(given, cookies);
  }

  #isSuspect(name: string): boolean {
    return ((this.#suspect[Math.min(name.length, 63)]! >>> (name.charCodeAt(0) & 31)) & 1) === 1;
  }
}

/** Whether a plain request may get this entry as it is, with no further work. */
export function isPlainlyFresh(entry: StoreEntry<StoredResponse>, now: number): boolean {
  return reusability(entry.value.policy, ANONYMOUS, undefined, now, entry.softPurged).reuse === "fresh";
}

/** Whether plain requests can get this as it is, while it is fresh: all of a page, in memory. */
export function isPlainPage(entry: StoreEntry<StoredValue>): entry is StoreEntry<StoredResponse> {
  return entry.value.kind === "response" && entry.value.holes === undefined && entry.body !== undefined;
}

// What distinguishes a request from other plain ones, except for the target.
function plainRequest(scheme: string, given: RawHeaders): RequestHead {
  const headers: Record<string, string> = {};
  const rawHeaders: string[] = [];
  for (let index = 0; index < given.length; index += 2) {
    const name = given[index]!.toLowerCase();
    if (name !== "host" && !PLACING_FIELDS.has(name)) continue;
    headers[name] = given[index + 1]!;
    rawHeaders.push(name, given[index + 1]!);
  }
  return { method: "GET", target: "/", scheme, headers, rawHeaders };
}

function isHostField(name: string): boolean {
  return name.length === 4 && name.toLowerCase() === "host";
}

/* The last key that missed on the fast path: when its request is decided on in the same turn, it need not be looked up
 * again. */

export class RecentMiss {
  #request: RawHeaders | undefined = undefined;
  #key = "";
  readonly #forget = (): void => {
    this.#request = undefined;
  };

  /** @param request its header fields, the same object: it is recognised by identity */
  note(request: RawHeaders, key: string): void {
    if (this.#request === undefined) setImmediate(this.#forget);
    this.#request = request;
    this.#key = key;
  }

  /** Whether nothing was there a moment ago. */
  was(request: RawHeaders, key: string): boolean {
    return this.#request === request && this.#key === key;
  }
}
