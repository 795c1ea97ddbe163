/** A stored response (RFC 9111 §3) as text beside its body, and back. Written once per fill, read once per load from
 * disk: as lines, because they are cheapest to split. */
import { codingsNamed } from "../base/codings.js";
import type { Coding } from "../base/codings.js";
import type { ResponseHead } from "../base/exchange.js";
import { fieldValue } from "../http/fields.js";
import type { ClientCacheControl } from "../http/patch-cache-control.js";
import type { StoredPolicy } from "../http/stored-policy.js";

export interface StoredResponse {
  readonly kind: "response";
  readonly head: ResponseHead;
  readonly policy: StoredPolicy;
  /** Request fields that select it, lower-case; empty when it matches any request for its key. */
  readonly vary: readonly string[];
  readonly outer: OuterFields;
  /** The `Cache-Control` it is sent with when its head has none: for the client only, nothing here is decided by
   * it. */
  readonly clientCacheControl: ClientCacheControl | undefined;
  /** Places to be filled for each client. */
  readonly holes?: StoredHoles | undefined;
  /** Whether its ETag was made by the cache: the handler does not know it, so it is of no use in a conditional request
   * to the handler. */
  readonly ownEtag: boolean;
  /** The codings it is also sent in; `undefined`: none. */
  readonly offer: CodingOffer | undefined;
  /** Kept by `respond.ts` between hits; never stored. */
  ready: ReadyFields | undefined;
  /** When it was last compared with what is on disk, epoch milliseconds; never stored. */
  lookedAt: number;
  /** From when on a hit starts a refresh before it goes stale, epoch milliseconds: `Infinity` after its first
   * hit, a moment after its second. Never stored. */
  refreshAt?: number;
  /** Keys of the body in the codings of the offer, one by one. Kept by `features/coding` between hits; never stored. */
  codedKeys?: readonly string[];
}

/** The codings that a page is offered in beside the form its handler gave it. */
export interface CodingOffer {
  /** Best first, at least one. */
  readonly codings: readonly Coding[];
  /** A strong entity tag of the body alone: it identifies what a coded body was made from. */
  readonly bodyTag: string;
}

/** Header fields ready to send, and the moment (whole seconds of age and of remaining freshness) for which the
 * variable ones were written. */
export interface ReadyFields {
  readonly headers: string[];
  age: number;
  remaining: number;
  /** The client's own lifetime that is sent, and the position of its value. */
  readonly client: ClientCacheControl | undefined;
  readonly clientAt: number;
}

/** Lines before the header fields. */
const FIELDS_FROM = 8;

/* One field a line, in this order; header fields follow as name line, value line:
 *   r                                 kind; where there are any, holes
 *   200 OK                            status, reason phrase
 *   1700000000000 0 300 0 0 0 3600    storedAt, initialAge, lifetime, staleWhileRevalidate, staleIfError, grace, keep
 *   000100                            noCache, mustRevalidate, authorizationAllowed, cookiesAllowed, immutable, ownEtag
 *   accept-language                   vary
 *   x-request-id;x-powered-by         outer: kept; removed
 *   +max-age=60                       clientCacheControl, with a plus where it counts from receipt; empty for none
 *   br,gzip "2f-rW7cu…"               offer: codings, tag of the body; empty where there is none
 *   Content-Type
 *   text/html; charset=utf-8                                                        */

export function encodeResponse(stored: StoredResponse): string {
  const { head, policy } = stored;
  const numbers = [
    policy.storedAt,
    policy.initialAge,
    policy.lifetime,
    policy.staleWhileRevalidate,
    policy.staleIfError,
    policy.grace,
    policy.keep,
  ].join(" ");
  const flags = [
    policy.noCache,
    policy.mustRevalidate,
    policy.authorizationAllowed,
    policy.cookiesAllowed,
    policy.immutable === true,
    stored.ownEtag,
  ]
    .map(Number)
    .join("");
  return [
    `r${encodeHoles(stored.holes)}`,
    `${head.status} ${head.statusText}`,
    numbers,
    flags,
    stored.vary.join(","),
    encodeOuter(stored.outer),
    encodeClient(stored.clientCacheControl),
    encodeOffer(stored.offer),
    ...head.rawHeaders,
  ].join("\n");
}

/** Parses the text of a response. Refuses text that could not be sent as it is, or would be taken for another
 * response: it was not written here.
 * @param lines of the text
 * @throws {Error} when the text is not one that `encodeResponse` wrote: the store counts that as damage */
export function decodeResponse(text: string, lines: readonly string[]): StoredResponse {
  const [kind = "", statusLine = "", numbers = "", flags = "", vary = "", outer = "", client = "", offer = ""] = lines;
  const status = Number(statusLine.slice(0, 3));
  const seconds = numbers.split(" ");
  const [storedAt, initialAge, lifetime] = [Number(seconds[0]), Number(seconds[1]), Number(seconds[2])];
  const [staleWhileRevalidate, staleIfError] = [Number(seconds[3]), Number(seconds[4])];
  const [grace, keep] = [Number(seconds[5]), Number(seconds[6])];
  const sum = storedAt + initialAge + lifetime + staleWhileRevalidate + staleIfError + grace + keep;
  const rawHeaders = alike(lines.slice(FIELDS_FROM), isFieldName);
  if (
    !(status >= 200 && status <= 599) ||
    !/^[01]{6}$/.test(flags) ||
    !(Math.abs(sum) <= Number.MAX_SAFE_INTEGER) ||
    UNSENDABLE.test(text) ||
    rawHeaders === undefined
  ) {
    throw new Error("not a stored response");
  }
  return {
    kind: "response",
    head: { status, statusText: statusLine.slice(4), rawHeaders },
    policy: {
      storedAt,
      initialAge,
      lifetime,
      staleWhileRevalidate,
      staleIfError,
      grace,
      keep,
      noCache: flags[0] === "1",
      mustRevalidate: flags[1] === "1",
      authorizationAllowed: flags[2] === "1",
      cookiesAllowed: flags[3] === "1",
      immutable: flags[4] === "1",
    },
    vary: varyIn(vary),
    outer: outerIn(outer),
    clientCacheControl: clientIn(client),
    offer: decodeOffer(offer),
    holes: decodeHoles(kind),
    ownEtag: flags[5] === "1",
    ready: undefined,
    lookedAt: 0,
  };
}

/** Whether a conditional request to the handler could be answered with 304. */
export function hasHandlerValidator({ head, ownEtag }: StoredResponse): boolean {
  return (
    (!ownEtag && fieldValue(head.rawHeaders, "etag") !== undefined) ||
    fieldValue(head.rawHeaders, "last-modified") !== undefined
  );
}

/** What neither a field value may contain (RFC 9110 §5.5) nor a reason phrase: above all a line break, which would
 * begin another response. */
const UNSENDABLE = /[^\t\n\x20-\x7e\x80-\xff]/;
/** A token, except those that frame the message: framing belongs to the connection it is sent on. */
const FIELD_NAME = /^(?!(?:connection|transfer-encoding|trailer|upgrade)$)[!#$%&'*+\-.^_`|~\w]+$/i;

function isFieldName(name: string): boolean {
  return FIELD_NAME.test(name);
}

// ";" is in no field name.
function encodeOuter({ kept, removed }: OuterFields): string {
  return removed.length === 0 ? kept.join(",") : `${kept.join(",")};${removed.join(",")}`;
}

const outerIn = mostlyAlike((line): OuterFields => {
  const [kept = "", removed = ""] = line.split(";");
  return { kept: namesIn(kept), removed: namesIn(removed) };
});

function encodeOffer(offer: CodingOffer | undefined): string {
  return offer === undefined ? "" : `${offer.codings.join(",")} ${offer.bodyTag}`;
}

function decodeOffer(line: string): CodingOffer | undefined {
  if (line === "") return undefined;
  const [names = "", bodyTag = ""] = line.split(" ");
  const codings = codingsNamed(names);
  return codings.length === 0 ? undefined : { codings, bodyTag };
}

function encodeClient(client: ClientCacheControl | undefined): string {
  return client === undefined ? "" : `${client.fromReceipt ? "+" : ""}${client.field}`;
}

const clientIn = mostlyAlike((line: string): ClientCacheControl | undefined => {
  if (line === "") return undefined;
  const fromReceipt = line.startsWith("+");
  return { field: fromReceipt ? line.slice(1) : line, fromReceipt };
});

const varyIn = mostlyAlike(namesIn);

function namesIn(line: string): readonly string[] {
  return line === "" ? [] : line.split(",");
}

/** What becomes of fields that code outside the cache has set for this client, by what the handler did to them when it
 * ran. Lower-case names. */
export interface OuterFields {
  /** Left alone by the handler: the value set for this client stays. */
  readonly kept: readonly string[];
  /** Removed by the handler, as `helmet` does with `X-Powered-By`: removed again. */
  readonly removed: readonly string[];
}

export const NO_OUTER_FIELDS: OuterFields = Object.freeze({ kept: Object.freeze([]), removed: Object.freeze([]) });

/** Where a stored page has holes: how its markers begin, and what they are called. */

export interface StoredHoles {
  /** 32 hex digits, drawn at random for this one response: no client has ever seen them. */
  readonly token: string;
  /** The nth marker is for the nth name. */
  readonly names: readonly string[];
}

/* In the line of the kind, after it:
 *   r 0123456789abcdef0123456789abcdef csrf nonce     */

function encodeHoles(holes: StoredHoles | undefined): string {
  return holes === undefined ? "" : ` ${holes.token} ${holes.names.join(" ")}`;
}

/** @throws {Error} when the line is not one that `encodeHoles` wrote */
function decodeHoles(line: string): StoredHoles | undefined {
  const [, token, ...names] = line.split(" ");
  if (token === undefined) return undefined;
  if (!/^[0-9a-f]{32}$/.test(token) || names.length === 0) throw new Error("not the holes of a page");
  return { token, names };
}

/**
 * Field lines of pages that are read one after the other are mostly alike. Equal strings are kept once, which saves
 * memory for many pages in memory, and processor cache for each of them. Changes no text.
 */

/** More names than the responses of one application have; beyond this number a line keeps its own strings. */
const MOST_NAMES = 256;

/** The last line of each field, by field name. */
const lastLines = new Map<string, { readonly name: string; value: string }>();

/** The same lines, with the strings of earlier lines where they are equal; `undefined` when they are not names and
 * values in turn.
 * @param isName whether this is the name of a field; names met before are */
export function alike(rawHeaders: string[], isName: (name: string) => boolean): string[] | undefined {
  if (rawHeaders.length % 2 !== 0) return undefined;
  for (let index = 0; index < rawHeaders.length; index += 2) {
    const [name, value] = [rawHeaders[index]!, rawHeaders[index + 1]!];
    const last = lastLines.get(name);
    if (last === undefined) {
      if (!isName(name)) return undefined;
      if (lastLines.size < MOST_NAMES) lastLines.set(name, { name, value });
      continue;
    }
    rawHeaders[index] = last.name;
    if (last.value === value) rawHeaders[index + 1] = last.value;
    else last.value = value;
  }
  return rawHeaders;
}

/** Reads lines that are mostly the same as the last one: what that one said is given again. */
function mostlyAlike<Value>(read: (line: string) => Value): (line: string) => Value {
  let last: { readonly line: string; readonly value: Value } | undefined;
  return (line) => {
    if (last?.line !== line) last = { line, value: read(line) };
    return last.value;
  };
}
