/** What the cache did with a response, by its `Cache-Status`, as assertions that say what cures a failure. Takes the
 * responses of supertest, fetch, node:http and `inject`; asks nothing of the cache. */
import { AssertionError } from "node:assert";
import { meaningOf, parseCacheStatus, remedyFor } from "@diskcache/core";
import type { ParsedCacheStatus } from "@diskcache/core";

/** Header fields: an object of names and values, or a `Headers`. */
export type AnyHeaders =
  | { get(name: string): string | null }
  | { readonly [name: string]: string | number | readonly string[] | undefined };

/** A response of supertest, fetch, node:http or `inject`, or header fields alone. */
export type AnyResponse = { readonly headers: AnyHeaders } | AnyHeaders;

const MEMBER = "diskcache";
const NOT_SEEN =
  "It has no `Cache-Status` of this cache: the request did not come to it. Mount the cache before the routes, and ask " +
  "the application it is mounted in.";

/** The cache answered from what is stored.
 * @throws {AssertionError} with what the cache did in its place, and what cures it
 * @example assertHit(await request(app).get("/").set("Host", "app.test")) */
export function assertHit(response: AnyResponse): void {
  const { status, field } = read(response, "a hit", assertHit);
  if (status.hit) return;
  fail("a hit", field, reasonFor(status) ?? firstRequest(status), assertHit);
}

/** The application answered, and the response is stored, or is being stored while it is sent.
 * @throws {AssertionError} with what the cache did in its place, and what cures it
 * @example assertStored(await fetch(url)) */
export function assertStored(response: AnyResponse): void {
  const { status, field } = read(response, "a response that is stored", assertStored);
  if (status.stored || status.storing) return;
  const why = status.hit ? "It was stored by an earlier request, and this one is a hit: `assertHit`." : undefined;
  fail("a response that is stored", field, why ?? reasonFor(status), assertStored);
}

/** The application answered, and the response is not stored.
 * @param reason why: a word of docs/cache-status.md, as `detail` or `fwd` has it
 * @throws {AssertionError} with what the cache did in its place
 * @example assertNotStored(await request(app).get("/account").set("Cookie", "sid=1"), "cookie") */
export function assertNotStored(response: AnyResponse, reason?: string): void {
  const expected = `a response that is not stored${reason === undefined ? "" : `, for ${reason}`}`;
  const { status, field } = read(response, expected, assertNotStored);
  if (status.hit || status.stored || status.storing)
    fail(expected, field, "The next request for it gets the same response.", assertNotStored);
  if (reason === undefined || status.detail === reason || status.fwd === reason) return;
  fail(expected, field, reasonFor(status), assertNotStored);
}

type Assertion = (response: AnyResponse) => void;

interface Read {
  readonly status: ParsedCacheStatus;
  readonly field: string;
}

function read(response: AnyResponse, expected: string, by: Assertion): Read {
  const field = cacheStatusOf(response);
  const status = field === undefined ? undefined : parseCacheStatus(field).find(({ cache }) => cache === MEMBER);
  if (field === undefined || status === undefined) return fail(expected, field, NOT_SEEN, by);
  return { status, field };
}

function cacheStatusOf(response: AnyResponse): string | undefined {
  const { headers = response } = response as { readonly headers?: AnyHeaders };
  if (isHeaders(headers)) return headers.get("cache-status") ?? undefined;
  const fields = Object.entries(headers as Readonly<Record<string, string | number | readonly string[] | undefined>>);
  const value = fields.find(([name]) => name.toLowerCase() === "cache-status")?.[1];
  if (value === undefined) return undefined;
  return typeof value === "object" ? value.join(", ") : String(value);
}

function isHeaders(headers: AnyHeaders | AnyResponse): headers is { get(name: string): string | null } {
  return typeof (headers as { readonly get?: unknown }).get === "function";
}

// Why the application had to answer, or why nothing is stored.
function reasonFor({ fwd, detail }: ParsedCacheStatus): string | undefined {
  if (detail === undefined) return undefined;
  const parts = [`\`${detail}\``, meaningOf(detail, fwd)].filter((part) => part !== undefined);
  const remedy = remedyFor(detail, fwd);
  return `${parts.join(": ")}.${remedy === undefined ? "" : ` ${remedy}`}`;
}

function firstRequest({ fwd, stored, storing }: ParsedCacheStatus): string | undefined {
  if (fwd === "stale") return "What is stored was stale: it was made again.";
  if (!stored && !storing) return undefined;
  return (
    "It is stored now, so its key was new. If it was asked for before, the key differs: by the port in `Host` " +
    '(supertest listens on another one for each request: `.set("Host", "app.test")`), by the query, or by a field in ' +
    "`Vary`."
  );
}

function fail(expected: string, field: string | undefined, why: string | undefined, by: Assertion): never {
  const got = field === undefined ? "a response without `Cache-Status`" : `\`Cache-Status: ${field}\``;
  throw new AssertionError({
    message: `expected ${expected}, got ${got}${why === undefined ? "" : `\n${why}`}`,
    actual: field,
    expected,
    operator: by.name,
    stackStartFn: by,
  });
}
