/** A response on its way to the client, before any framework: what an adapter plays. */
import type { RawHeaders } from "../base/exchange.js";
import { formatCacheStatus } from "../http/cache-status.js";
import type { CacheStatus } from "../http/cache-status.js";
import { fieldLines } from "../http/fields.js";
import type { BodyReader, Lease } from "../store/contract.js";
import { NO_OUTER_FIELDS } from "./stored-response.js";
import type { OuterFields } from "./stored-response.js";

export interface OutgoingResponse {
  readonly kind: "hit";
  readonly status: number;
  readonly statusText: string;
  /** Name, value, … Belongs to the cache and may change after the current turn: use it at once or copy it. */
  readonly headers: readonly string[];
  readonly body: Buffer | BodySource | undefined;
  /** In an answer to HEAD what a GET would be sent, for an adapter that shows it to compressing middleware outside
   * before it is dropped. Never sent. */
  readonly unsentBody?: Buffer | BodySource | undefined;
  readonly outer: OuterFields;
  /** Set when it is stale and this request is the one that triggers its refresh. */
  readonly refresh: RefreshClaim | undefined;
  /** Set where `body` is lent: an adapter that has sent it may give it back, once nothing refers to it any more. */
  readonly lease?: Lease | undefined;
}

/** Length of a body that is still being made. */
export const UNKNOWN_LENGTH = -1;

/** A body in pieces: some in memory, some still in the store or on their way from the application. */
export interface BodySource {
  readonly pieces: readonly (Buffer | ByteSpan)[];
  /** Opens the stored body that the spans are in. A caller that opens it closes it. */
  open(): BodyReader;
}

/** Bytes `start` (inclusive) to `end` (exclusive) of the stored body; an `end` of `Infinity` means all there are. */
export interface ByteSpan {
  readonly start: number;
  readonly end: number;
}

/** The right to refresh one page, held by one request at a time. Its holder refreshes, and releases it when that is
 * over, however it went. */
export interface RefreshClaim {
  /** Header fields of the refreshing request: the client's, without everything that is the client's own and not in the
   * key. */
  readonly rawHeaders: RawHeaders;
  /** @param answer what the request was answered, where the adapter knows: a refresh without effect is reported, and
   * the next client request that finds the page stale is forwarded */
  release(answer?: RefreshAnswer): void;
}

/** What happened to the request that was to refresh a page. */
export interface RefreshAnswer {
  /** Whether it came to the cache. False: something before the cache answered it, or there was no server to send it
   * to. */
  readonly reached: boolean;
  /** `undefined` when there was no answer, or it was broken off. */
  readonly status: number | undefined;
}

/** With the cookies that a handler's own answer sets, whatever else is sent in the place of that: they are its client's.
 * @param rawHeaders of the handler's answer */
export function withCookiesOf(response: OutgoingResponse, rawHeaders: RawHeaders): OutgoingResponse {
  const cookies = fieldLines(rawHeaders, "set-cookie");
  if (cookies.length === 0) return response;
  return { ...response, headers: [...response.headers, ...cookies.flatMap((line) => ["Set-Cookie", line])] };
}

/* The answers of the cache's own, where nothing stored may be used. */

/** To `only-if-cached` when nothing stored may be reused (RFC 9111 §5.2.1.7). */
export function gatewayTimeout(): OutgoingResponse {
  return empty(504, { detail: "only-if-cached" });
}

/** When the application, asked for the rest of a page, answered with something else. */
export function badGateway(status: CacheStatus): OutgoingResponse {
  return empty(502, status);
}

function empty(status: number, cacheStatus: CacheStatus): OutgoingResponse {
  return {
    kind: "hit",
    status,
    statusText: "",
    headers: ["Content-Length", "0", "Cache-Status", formatCacheStatus(cacheStatus)],
    body: Buffer.alloc(0),
    outer: NO_OUTER_FIELDS,
    refresh: undefined,
  };
}
