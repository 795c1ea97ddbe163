/** Why the cache did not answer, or stored nothing, and what cures it: one table, from which docs/cache-status.md is
 * written (`npm run reasons-table`) and which everything that speaks to people uses. Decides nothing. */
import type { StoreRefusal } from "../http/storability.js";
import type { BypassReason } from "../lookup/eligibility.js";

/** Markdown; links are relative to `docs/`. */
export interface Reason {
  readonly meaning: string;
  /** `undefined` where there is nothing to cure, or where the operator wanted it so. */
  readonly remedy: string | undefined;
}

type Reasons<Name extends string> = Readonly<Record<Name, Reason> & Record<string, Reason>>;

const HOLES_MEANING =
  "a page with [holes](fragments.md#rules-for-holes) that was compressed on its way to the cache, or is a part";
const HOLES_REMEDY = "Put compression before the cache.";

/** `detail` with `fwd=bypass` or `fwd=method`: the request was left alone. */
export const BYPASSES = {
  authorization: {
    meaning:
      "the request has an `Authorization` field, or identifies the user by [other " +
      "means](concepts.md#cookies-and-authorization) (`X-API-Key`, a client certificate, `req.user`, …), and " +
      "the response is none of `public`, `s-maxage`, `must-revalidate` ([RFC 9111 " +
      "§3.5](https://www.rfc-editor.org/rfc/rfc9111.html#section-3.5))",
    remedy:
      "If all may see the response, mark it `public`. If it depends on the user, use " +
      "[`partition`](cookies.md#logged-in-users). If what says so says nothing about the page, name it in " +
      "[`safety.credentials`](options.md#safetycredentials).",
  },
  cookie: {
    meaning: "the request has a cookie you have not declared, and the response is neither `public` nor `s-maxage`",
    remedy:
      "Declare the cookie: [`cookies.ignore`](cookies.md#analytics-and-consent-cookies) if no handler reads " +
      "it, `cookies.key` if pages differ by it, [`partition`](cookies.md#logged-in-users) for sessions. Or " +
      "mark the response `public`.",
  },
  method: { meaning: "not among [`methods`](options.md#methods); HEAD counts as GET", remedy: undefined },
  body: {
    meaning:
      "a GET or HEAD with a body (`Content-Length` above 0, or `Transfer-Encoding`); a QUERY or POST whose " +
      "content is longer than 1 MiB or was read before the cache could",
    remedy: "Send parameters in the query; mount the cache before body parsers.",
  },
  "method-override": {
    meaning: "`X-HTTP-Method-Override`, `X-HTTP-Method` or `X-Method-Override` is there",
    remedy: "Send the method itself.",
  },
  "url-override": {
    meaning: "`X-Original-URL` or `X-Rewrite-URL` is there",
    remedy: "Have the proxy in front remove it.",
  },
  target: { meaning: "the request target does not begin with `/`, or is longer than 8192 bytes", remedy: undefined },
  host: {
    meaning: "no `Host`, several, or one that is not in [`safety.hosts`](options.md#safetyhosts)",
    remedy: "Add the host to the list, with its port if one is sent.",
  },
  precondition: {
    meaning: "`If-Match` or `If-Unmodified-Since` is there: they ask about the resource, not about a copy of it",
    remedy: undefined,
  },
  upgrade: { meaning: "the connection is to become another protocol", remedy: undefined },
  response: {
    meaning:
      "the response is of no class that the cache knows: neither node:http's nor HTTP/2's, and without " +
      "methods such as `getHeaderNames` or `writeHead`",
    remedy: "The process is warned once (`DISKCACHE_RESPONSE`). Express on HTTP/2: [how](recipes.md#http2).",
  },
  never: { meaning: "the path matches one of your [`rules`](options.md#rules) with `never: true`", remedy: undefined },
  path: {
    meaning:
      "the path can be read in several ways (`%2f`, `..`, `\\`, encoded twice), and they come under different rules",
    remedy: "Link to pages by plain paths.",
  },
  skip: { meaning: "your [`skip`](options.md#skip) said so", remedy: undefined },
  hook: {
    meaning:
      "your `key`, `partition`, `skip` or `honourRequest` function threw, or returned something else than a string",
    remedy: "Listen to the `error` event: `ERR_DISKCACHE_HOOK` has the cause.",
  },
  "request-no-store": {
    meaning: "the client's `Cache-Control: no-store`, with [`http.honourRequest`](options.md#httphonourrequest)",
    remedy: undefined,
  },
  "hole-failed": {
    meaning:
      "a [hole](fragments.md#rules-for-holes) of the stored page could not be filled for this client; on a " +
      "page just made, with `fwd-status` and 500, likewise",
    remedy: "The `error` event has the cause.",
  },
  disabled: { meaning: "`enabled: false`, or `DISKCACHE=off` in the environment", remedy: undefined },
  closed: { meaning: "`cache.close()` was called", remedy: undefined },
} as const satisfies Reasons<BypassReason | "authorization" | "cookie">;

/** `detail` of a forward whose response is not stored, beside the credentials in `BYPASSES`. */
export const REFUSALS = {
  "no-freshness": {
    meaning:
      "nothing says how long it stays fresh: no `s-maxage`, `max-age` or `Expires`, and neither `ttl` nor " +
      "`statusTtl` covers its status",
    remedy:
      "`ttl` for 200, 203, 204, 300, 301 and 308; [`statusTtl`](options.md#statusttl) for others such as 302 " +
      "or 404; or a `Cache-Control` from the handler. `req.diskCache.ttl(0)` gives this too.",
  },
  "set-cookie": {
    meaning:
      "it sets a cookie, or middleware outside the cache does at the last moment, as sessions do: replayed, " +
      "all clients would get it",
    remedy:
      "Do not set cookies on pages. Sessions: [do not save empty ones, do not renew on each " +
      "response](cookies.md#sessions).",
  },
  private: {
    meaning: "`Cache-Control: private`, in any spelling",
    remedy: "If the operator knows better, have the handler say `public`, or send `CDN-Cache-Control` for this cache.",
  },
  "late-vary": {
    meaning:
      "middleware outside the cache names another field in `Vary` while the head is being sent " +
      "(`Accept-Encoding` and `Origin` are its own affair)",
    remedy: "Name the field before the handler runs, or in [`vary`](options.md#vary).",
  },
  "no-store": {
    meaning: "`Cache-Control: no-store`",
    remedy: "If the operator knows better, have the handler say `public`, or send `CDN-Cache-Control` for this cache.",
  },
  malformed: {
    meaning: "a `Cache-Control` that follows no grammar, such as `no-store; private`",
    remedy: "Separate directives by commas.",
  },
  "no-cache": {
    meaning: "`no-cache` without `ETag` or `Last-Modified`: it could never be reused",
    remedy: "Send a validator, or leave `no-cache` away.",
  },
  "expired-no-validator": {
    meaning:
      "its lifetime is 0 or over already (`max-age=0`, an old `Expires`, an `Age` beyond it), no stale window " +
      "applies, and there is no validator",
    remedy: "Send a validator or a lifetime.",
  },
  "other-vary": {
    meaning:
      "a 304 for a stored page names other fields in `Vary` than the page did: it would be found under " +
      "another key, and is removed",
    remedy: "Name the same fields in a 304 as in a 200.",
  },
  "vary-star": { meaning: "`Vary: *`, or a `Vary` with a member that is no field name", remedy: "Name the fields." },
  status: {
    meaning:
      "428, 429, 431 or 511 ([RFC 6585](https://www.rfc-editor.org/rfc/rfc6585.html)); a status your " +
      "`statusTtl` gives `0`; `must-understand` with a status the cache does not know",
    remedy: undefined,
  },
  partial: {
    meaning: "206: a part, and only the whole is kept",
    remedy:
      "Let the cache cut ranges: it gives the handler a request without `Range`. Or " +
      "[`http.relaxed.partial`](options.md#httprelaxed).",
  },
  "not-modified": { meaning: "the handler answered 304 to the client's own condition", remedy: undefined },
  method: { meaning: "the response to a HEAD: it has no body to keep", remedy: "Nothing: a GET will fill it" },
  "too-long": {
    meaning: "the body, or what `Content-Length` announces, is above [`limits.maxBody`](options.md#limitsmaxbody)",
    remedy: "Raise it.",
  },
  length: { meaning: "the body does not agree with its `Content-Length`", remedy: "Correct the handler." },
  "late-coding": {
    meaning:
      "Koa: middleware inside the cache that hooks into the response encodes what Koa sends (`compression` by " +
      "koa-connect)",
    remedy: "Mount it before the cache, or use koa-compress.",
  },
  "head-too-long": {
    meaning: "status line and fields together are longer than 64 KiB",
    remedy: "Send shorter fields.",
  },
  "no-room": {
    meaning: "`maxSize`, `maxEntries` or `minFree` leaves no room just now",
    remedy: "Raise the bound; `stats()` says how much there is.",
  },
  purged: { meaning: "a purge named the page while it was made", remedy: "Nothing: that is the promise of a purge" },
  store: {
    meaning:
      "the directory cannot be used or only be read, the cache was closed meanwhile, storing rests after a " +
      "fault of the disk, or too much waits to be written (64 MiB)",
    remedy: "The `error` event and `stats()`; with `strict: true` an unusable directory throws at creation.",
  },
  body: {
    meaning: "Koa: a stream of the old style, which has nothing but `pipe()`; it is left to Koa",
    remedy: "Give a `Readable`.",
  },
  "event-stream": {
    meaning: "the response is `text/event-stream`: made for one listener, mostly without an end",
    remedy: "Nothing: such a stream is never kept, and no other client follows it",
  },
  admission: {
    meaning:
      'with [`limits.admission: "second-request"`](options.md#limitsadmission): it has not been requested before, lately',
    remedy: "Nothing: the next request has it kept",
  },
  audit: {
    meaning:
      'with [`audit: "enforce"`](safety.md#the-audit): the handler read something of the request that does ' +
      "not select the page",
    remedy: "The `audit` event says what, and what to do.",
  },
  "hole-encoded": { meaning: HOLES_MEANING, remedy: HOLES_REMEDY },
  "hole-partial": { meaning: HOLES_MEANING, remedy: HOLES_REMEDY },
  "should-store": { meaning: "your [`shouldStore`](options.md#shouldstore) said no", remedy: undefined },
  hook: {
    meaning: "your `shouldStore` or `tags` function threw, or the handler gave a tag that is not a text",
    remedy: "Listen to the `error` event.",
  },
  partition: {
    meaning:
      "the handler said `req.diskCache.partition(value)`, and no `partition` function said that value for " +
      "this request",
    remedy: "Have the [`partition`](options.md#partition) of the options, a rule or the route say it.",
  },
  never: { meaning: "the route has [`never()`](routes.md#small-middlewares)", remedy: undefined },
  skip: {
    meaning: "the handler called `req.diskCache.skip(reason)` or `ctx.diskCache.skip(reason)`",
    remedy: undefined,
  },
} as const satisfies Reasons<Exclude<StoreRefusal, "authorization" | "cookie" | "interim">>;

/** `reason` of the event `not-stored`, for what shows only after the head has left. */
export const LATE_REFUSALS = {
  "too-long": { meaning: "a body that came in pieces grew beyond `maxBody`", remedy: undefined },
  length: {
    meaning: "a body that came in pieces did not agree with its `Content-Length`",
    remedy: "Correct the handler.",
  },
  aborted: {
    meaning:
      "the response was cut off: the connection was destroyed, a piped stream stopped with its client, or the " +
      "handler was not done 30 seconds after the client had left",
    remedy: undefined,
  },
  error: {
    meaning:
      "Koa: the handler's stream failed. Nest: the handler failed after its response had begun. Or the cache itself failed",
    remedy: "Listen to the `error` event.",
  },
  audit: { meaning: 'with `audit: "enforce"`: the handler read on while it wrote', remedy: "The `audit` event." },
  purged: { meaning: "a purge named the page while it was made", remedy: "Nothing: that is the promise of a purge" },
  store: {
    meaning:
      "the store did not take it: the directory cannot be used or only be read, a bound is reached, or too " +
      "much waits to be written",
    remedy: "The `error` event and `stats()`; with `strict: true` an unusable directory throws at creation.",
  },
} as const satisfies Reasons<string>;

/** What cures it, in plain text; `undefined` for words of the application's own and where there is nothing to cure.
 * @param detail of `Cache-Status`, `explain()` or the event `forward`, or `reason` of the event `not-stored`
 * @param fwd of `Cache-Status`, or `reason` of `explain()` or the event `forward`: some words mean another thing of a
 * request that was left alone than of a response
 * @example remedyFor("set-cookie") // "Do not set cookies on pages. …" */
export function remedyFor(detail: string, fwd?: string): string | undefined {
  return plain(known(detail, fwd)?.remedy);
}

/** What it means, in plain text; `undefined` for words of the application's own. */
export function meaningOf(detail: string, fwd?: string): string | undefined {
  return plain(known(detail, fwd)?.meaning);
}

function known(detail: string, fwd: string | undefined): Reason | undefined {
  const tables: readonly Reasons<string>[] = [REFUSALS, LATE_REFUSALS, BYPASSES];
  const inOrder: readonly Reasons<string>[] = fwd === "bypass" || fwd === "method" ? [BYPASSES, ...tables] : tables;
  return inOrder.find((reasons) => Object.hasOwn(reasons, detail))?.[detail];
}

function plain(markdown: string | undefined): string | undefined {
  return markdown?.replaceAll(/\[([^\]]*)\]\([^)]*\)/g, "$1");
}
