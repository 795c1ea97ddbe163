/** Answers a request from a stored response: Age, Cache-Status, the client's own conditions and ranges, HEAD. Never
 * checks whether it may be reused. */
import { setImmediate } from "node:timers";
import type { RawHeaders, RequestHead, ResponseHead } from "../base/exchange.js";
import { formatCacheStatus } from "../http/cache-status.js";
import type { CacheStatus } from "../http/cache-status.js";
import { cacheControlAt } from "../http/patch-cache-control.js";
import type { ClientCacheControl } from "../http/patch-cache-control.js";
import { hasField, withField, withoutFields } from "../http/fields.js";
import { fragmentHead, selectFromFragment } from "../http/partial-content.js";
import { evaluatePreconditions, notModifiedHead } from "../http/preconditions.js";
import { multipartBody, partialHead, selectRanges, unsatisfiableHead } from "../http/range.js";
import type { ByteRange } from "../http/range.js";
import { currentAgeSeconds, remainingSeconds } from "../http/reusability.js";
import type { BodyReader, StoreEntry } from "../store/contract.js";
import type { ReadyFields, StoredResponse } from "./stored-response.js";
import { UNKNOWN_LENGTH } from "./outgoing.js";
import type { BodySource, ByteSpan, OutgoingResponse } from "./outgoing.js";

/** What answers show of the cache beside `Cache-Status`. */
export interface Shown {
  readonly debugHeader: string | undefined;
  readonly serverTiming: boolean;
}

/** What is added to every answer that comes from the cache. */
export interface Marks {
  readonly status: CacheStatus;
  readonly shown: Shown;
  readonly said: "HIT" | "MISS" | "STALE";
}

type Entry = StoreEntry<StoredResponse>;

/** A fresh hit: the usual case, answered with fields kept ready beside the entry. */
export function respondFresh(entry: Entry, request: RequestHead, now: number, shown: Shown): OutgoingResponse {
  const { value } = entry;
  const remaining = remainingSeconds(value.policy, now);
  if (isPlainGet(request) && entry.body !== undefined) return readyResponse(entry, entry.body, now, remaining, shown);
  return respond(entry, request, now, hitMarks(entry, false, now, shown));
}

export function hitMarks({ value }: Entry, stale: boolean, now: number, shown: Shown): Marks {
  const remaining = remainingSeconds(value.policy, now);
  // After a soft purge it is stale although its lifetime is not over.
  const ttl = stale ? Math.min(0, remaining) : remaining;
  return { status: { hit: true, ttl }, shown, said: stale ? "STALE" : "HIT" };
}

/** The same for a request that asks for nothing but the page; `undefined` where that is long and comes in pieces. */
export function respondPlain(entry: Entry, now: number, shown: Shown): OutgoingResponse | undefined {
  if (entry.body === undefined) return undefined;
  return readyResponse(entry, entry.body, now, remainingSeconds(entry.value.policy, now), shown);
}

/** A stale hit, inside one of the windows that allow it (RFC 9111 §4.2.4). */
export function respondStale(entry: Entry, request: RequestHead, now: number, shown: Shown): OutgoingResponse {
  return respond(entry, request, now, hitMarks(entry, true, now, shown));
}

/** Any other answer from a stored response: stale, validated, conditional, partial, without a body. */
export function respond(entry: Entry, request: RequestHead, now: number, marks: Marks): OutgoingResponse {
  const { value } = entry;
  const fresh = !entry.softPurged && remainingSeconds(value.policy, now) > 0;
  const head = withMarks(value, currentAgeSeconds(value.policy, now), fresh, marks);
  if (evaluatePreconditions(request, value.head) === "not-modified")
    return outgoing(notModifiedHead(head), undefined, value);
  if (value.head.status === 206) return respondFragment(entry, request, head);
  if (request.method === "HEAD")
    return { ...outgoing(withLength(head, entry.bodyBytes), undefined, value), unsentBody: wholeBody(entry) };
  // RFC 9110 §14.2: ranges are defined for GET alone.
  if (
    request.headers.range !== undefined &&
    request.method === "GET" &&
    value.head.status === 200 &&
    entry.bodyBytes !== UNKNOWN_LENGTH
  )
    return respondRange(entry, request, head);
  return outgoing(withLength(head, entry.bodyBytes), wholeBody(entry), value);
}

// A stored part is only ever looked up for a range it holds (RFC 9111 §3.3).
function respondFragment(entry: Entry, request: RequestHead, head: ResponseHead): OutgoingResponse {
  const { value, bodyBytes } = entry;
  const span = selectFromFragment(request.headers.range as string, value.head, bodyBytes) ?? {
    start: 0,
    end: bodyBytes,
  };
  return outgoing(fragmentHead(head, span), spans(entry, [span]), value);
}

function respondRange(entry: Entry, request: RequestHead, head: ResponseHead): OutgoingResponse {
  const { value, bodyBytes } = entry;
  const selection = selectRanges(
    request.headers.range as string,
    request.headers["if-range"] as string | undefined,
    value.head,
    bodyBytes,
  );
  if (selection.kind === "whole") return outgoing(withLength(head, bodyBytes), wholeBody(entry), value);
  if (selection.kind === "unsatisfiable") return outgoing(unsatisfiableHead(head, bodyBytes), undefined, value);
  if (selection.parts.length === 1) {
    const range = selection.parts[0]!;
    return outgoing(partialHead(head, range, bodyBytes), spans(entry, [range]), value);
  }
  const multipart = multipartBody(head, selection.parts, bodyBytes);
  return outgoing(multipart.head, spans(entry, multipart.pieces), value);
}

// The header block is built once per head; per hit only what changed since the last one is written into it.
function readyResponse(entry: Entry, body: Buffer, now: number, remaining: number, shown: Shown): OutgoingResponse {
  const { value, lease } = entry;
  const { head, outer } = value;
  const age = currentAgeSeconds(value.policy, now);
  const ready = (value.ready ??= prepare(entry, shown));
  const { headers } = ready;
  if (ready.age !== age || ready.remaining !== remaining) {
    ready.age = age;
    ready.remaining = remaining;
    headers[headers.length - 1] = formatCacheStatus({ hit: true, ttl: remaining });
    headers[headers.length - 3] = String(age);
    if (ready.client !== undefined) headers[ready.clientAt] = cacheControlAt(ready.client, age);
  }
  return {
    kind: "hit",
    status: head.status,
    statusText: head.statusText,
    headers,
    body,
    outer,
    refresh: undefined,
    lease,
  };
}

function prepare(entry: Entry, shown: Shown): ReadyFields {
  const { head, clientCacheControl } = entry.value;
  const fields = withoutAge(withLength(head, entry.bodyBytes));
  const client = clientsOwn(head, clientCacheControl);
  const headers = [...fields];
  if (client !== undefined) headers.push("Cache-Control", client.field);
  const clientAt = headers.length - 1;
  headers.push(...shownFields(shown, "HIT"));
  headers.push("Age", "", "Cache-Status", "");
  return { headers, age: -1, remaining: Number.NaN, client, clientAt };
}

// A page may bring a `Server-Timing` of its handler's: this is another member of that list.
function shownFields({ debugHeader, serverTiming }: Shown, said: Marks["said"]): string[] {
  const fields = debugHeader === undefined ? [] : [debugHeader, said];
  return serverTiming ? [...fields, "Server-Timing", `cache;desc="${said.toLowerCase()}"`] : fields;
}

const AGE: ReadonlySet<string> = new Set(["age"]);

// It has one where it came through another cache.
function withoutAge({ rawHeaders }: ResponseHead): RawHeaders {
  return hasField(rawHeaders, "age") ? withoutFields(rawHeaders, AGE) : rawHeaders;
}

function withMarks(
  { head, clientCacheControl }: StoredResponse,
  age: number,
  fresh: boolean,
  { status, shown, said }: Marks,
): ResponseHead {
  const rawHeaders = [...withoutAge(head)];
  const client = clientsOwn(head, clientCacheControl);
  // A stale page gives no client another lifetime: its successor is about to be stored.
  if (client !== undefined) rawHeaders.push("Cache-Control", fresh ? cacheControlAt(client, age) : client.field);
  rawHeaders.push(...shownFields(shown, said));
  rawHeaders.push("Age", String(age), "Cache-Status", formatCacheStatus(status));
  return { ...head, rawHeaders };
}

// A 304 may have given the page a `Cache-Control` of its own since it was stored.
function clientsOwn(
  { rawHeaders }: ResponseHead,
  given: ClientCacheControl | undefined,
): ClientCacheControl | undefined {
  return given === undefined || hasField(rawHeaders, "cache-control") ? undefined : given;
}

// A response without content carries no length (RFC 9110 §8.6).
function withLength(head: ResponseHead, bytes: number): ResponseHead {
  return head.status === 204 || bytes === UNKNOWN_LENGTH
    ? head
    : { ...head, rawHeaders: withField(head.rawHeaders, "Content-Length", String(bytes)) };
}

function isPlainGet({ method, headers }: RequestHead): boolean {
  return (
    method !== "HEAD" &&
    headers["if-none-match"] === undefined &&
    headers["if-modified-since"] === undefined &&
    headers.range === undefined
  );
}

function wholeBody(entry: Entry): Buffer | BodySource | undefined {
  const { bodyBytes } = entry;
  return (
    entry.body ?? spans(entry, [{ start: 0, end: bodyBytes === UNKNOWN_LENGTH ? Number.POSITIVE_INFINITY : bodyBytes }])
  );
}

function spans(entry: Entry, pieces: readonly (Buffer | ByteRange)[]): Buffer | BodySource {
  const { body } = entry;
  if (body !== undefined) {
    return Buffer.concat(
      pieces.map((piece) => (Buffer.isBuffer(piece) ? piece : body.subarray(piece.start, piece.end))),
    );
  }
  return { pieces, open: () => entry.reader() };
}

function outgoing(
  head: ResponseHead,
  body: Buffer | BodySource | undefined,
  { outer }: StoredResponse,
): OutgoingResponse {
  return {
    kind: "hit",
    status: head.status,
    statusText: head.statusText,
    headers: head.rawHeaders,
    body,
    outer,
    refresh: undefined,
  };
}

/* Reads the beginning of a body before its head is sent: a body that cannot be read is discovered while something
 * else can still be answered. Copies nothing, and reads nothing twice. */

/** @returns the same body, for a reader that begins in this turn; `undefined` when it cannot be read */
export async function readFirst(source: BodySource): Promise<BodySource | undefined> {
  const span = source.pieces.find((piece): piece is ByteSpan => !Buffer.isBuffer(piece));
  if (span === undefined) return source;
  const reader = source.open();
  try {
    const first = await reader.read(span.start, span.end);
    // A body that is still being made may turn out to be empty.
    if (first.length > 0 || !Number.isFinite(span.end)) return begun(source, beginningWith(first, span.start, reader));
  } catch {
    // The store has reported it.
  }
  reader.close();
  return undefined;
}

// The piece is there until the reader is asked for another one.
function beginningWith(piece: Buffer, at: number, reader: BodyReader): BodyReader {
  let first: Buffer | undefined = piece;
  return {
    read: (start, end) => {
      const held = first;
      first = undefined;
      return held !== undefined && start === at ? Promise.resolve(held) : reader.read(start, end);
    },
    close: () => reader.close(),
  };
}

function begun(source: BodySource, reader: BodyReader): BodySource {
  let held: BodyReader | undefined = reader;
  const take = (): BodyReader | undefined => {
    const taken = held;
    held = undefined;
    return taken;
  };
  // Its client may have left: then the body is never opened.
  setImmediate(() => take()?.close());
  return { pieces: source.pieces, open: () => take() ?? source.open() };
}
