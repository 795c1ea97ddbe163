/** Cache poisoning and deception, a row for each attack: one request of the attacker's, one of the victim's. All of
 * them harm the clients of the naive cache in this file. */
import { createServer } from "node:http";
import type { RequestListener } from "node:http";
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";
import { gzipSync } from "node:zlib";
import type { DiskCacheOptions } from "@diskcache/core";
import { describe, expect, it, onTestFinished } from "vitest";
import { ADAPTERS } from "../adapters/adapters.js";
import type { Handler, Page } from "../adapters/adapters.js";
import { openSite } from "../adapters/site.js";
import { visit } from "../support/visit.js";
import type { Answer, VisitOptions } from "../support/visit.js";

interface Attack {
  readonly attack: string;
  readonly handler: Handler;
  /** What the attacker asks, or has a victim with a session ask. */
  readonly evil: VisitOptions & { readonly target?: string };
  /** What is asked afterwards. Default: the plain page. */
  readonly later?: VisitOptions & { readonly target?: string };
  /** Whether the second answer is the first one's. */
  readonly harmed: (answer: Answer) => boolean;
  readonly options?: Partial<DiskCacheOptions>;
}

const EVIL = "evil.example";
const html = (body: string): Page => ({ headers: { "Content-Type": "text/html; charset=utf-8" }, body });
const saysEvil = (answer: Answer) => answer.text.includes("evil") || (answer.header("location") ?? "").includes("evil");

const words = (all: string): string[] => all.split(" ");

/** A page that shows a request field, as links and scripts do. */
function reflects(field: string, options: Partial<DiskCacheOptions> = {}): Attack {
  return {
    attack: `a page that shows ${field}`,
    handler: ({ req }) => html(`<script src="//${String(req.headers[field.toLowerCase()] ?? "www.example")}/a.js">`),
    evil: { headers: { [field]: EVIL } },
    harmed: saysEvil,
    options,
  };
}

const AUDITED: Partial<DiskCacheOptions> = { audit: "enforce" };

const REFLECTED: readonly Attack[] = words(
  "X-Forwarded-Host X-Forwarded-Scheme X-Forwarded-Proto X-Forwarded-Port X-Forwarded-Prefix X-Forwarded-Server X-Host X-Original-Host Forwarded X-Original-URL X-Rewrite-URL",
).map((field) => reflects(field));

// Among them the internal fields of Next.js that turn a page into its data (CVE-2024-46982, GHSA-3g8h).
const AUDITED_FIELDS: readonly Attack[] = words(
  "X-Forwarded-For User-Agent Referer Origin X-Requested-With X-Evil x-now-route-matches x-middleware-prefetch x-nextjs-data RSC",
).map((field) => reflects(field, AUDITED));

const account: Handler = ({ req }) =>
  html(/(?:^|; )session=ann/.test(req.headers.cookie ?? "") ? "the evil secret of ann" : "please log in");

/** The path of a private page, dressed up as that of a file. */
const DECEPTIONS: readonly Attack[] = words(
  "/account/x.css /account;x.css /account%2f..%2fstatic/a.js /account%00.css /account%0a.css /account%23.css /account/nope.js /static/..%2faccount //account.css /account%3fa.css",
).map((target) => ({
  attack: `the private page under ${target}`,
  handler: account,
  evil: { target, headers: { cookie: "session=ann" } },
  later: { target },
  harmed: saysEvil,
}));

const TAKEN: Partial<DiskCacheOptions> = { key: { query: { ignore: ["utm_*"], only: ["id"] } } };
const shown: Handler = async ({ req }) => {
  const query = new URL(req.url ?? "/", "http://a").searchParams;
  return html(`item ${query.get("id") ?? "none"} ${query.get("utm_content") ?? ""} ${await text(req)}`);
};

const REQUESTS: readonly Attack[] = [
  {
    attack: "a GET with a body",
    handler: shown,
    evil: { headers: { "content-length": "4" }, body: "evil" },
    harmed: saysEvil,
  },
  ...["X-HTTP-Method-Override", "X-HTTP-Method", "X-Method-Override"].map((field) => ({
    attack: `another method by ${field}`,
    handler: (({ req }) =>
      req.headers[field.toLowerCase()] === undefined ? html("page") : { status: 200, body: "evil" }) as Handler,
    evil: { headers: { [field]: "DELETE" } },
    harmed: saysEvil,
  })),
  {
    attack: "an encoded name for a parameter that counts",
    handler: shown,
    evil: { target: "/?%69d=evil" },
    harmed: saysEvil,
    options: TAKEN,
  },
  {
    attack: "a parameter that counts behind a semicolon",
    handler: ({ req }) => html(/[;&?]id=([^;&]*)/.exec(req.url ?? "")?.[1] ?? "none"),
    evil: { target: "/?utm_x=1;id=evil" },
    harmed: saysEvil,
    options: TAKEN,
  },
  {
    attack: "a campaign parameter that is shown",
    handler: shown,
    evil: { target: "/?utm_content=evil" },
    harmed: saysEvil,
  },
  {
    attack: "an ignored parameter in the URL that the page passes on",
    handler: ({ req }) => html(`<a href="${req.url}&page=2">`),
    evil: { target: "/?utm_content=evil" },
    harmed: saysEvil,
    options: { ...TAKEN, ...AUDITED },
  },
  {
    attack: "a HEAD before the page",
    handler: ({ req }) => html(req.method === "HEAD" ? "" : "page"),
    evil: { method: "HEAD" },
    harmed: ({ text: body }) => body === "",
  },
  {
    attack: "ten bytes of a page",
    handler: ({ req }) =>
      req.headers.range === undefined
        ? html("0123456789abcdef")
        : { status: 206, headers: { "Content-Range": "bytes 0-9/16" }, body: "0123456789" },
    evil: { headers: { range: "bytes=0-9" } },
    harmed: ({ text: body }) => body.length < 16,
  },
  {
    attack: "zipped bytes for whom accepts none",
    handler: ({ req }) =>
      /gzip/.test(String(req.headers["accept-encoding"]))
        ? { headers: { "Content-Type": "text/html", "Content-Encoding": "gzip" }, body: gzipSync("page") }
        : html("page"),
    evil: { headers: { "accept-encoding": "gzip" } },
    later: { headers: { "accept-encoding": "identity" } },
    harmed: ({ text: body }) => body !== "page",
  },
  ...[
    { what: "an oversized header", headers: { "x-oversized": "x".repeat(4000) }, status: 431 },
    { what: "a meta character", headers: { "x-meta": "a\tb" }, status: 400 },
    { what: "a forbidden method in disguise", headers: { "x-fake-method": "PURGE" }, status: 405 },
    { what: "a length that is too much", headers: { "x-length": "9".repeat(20) }, status: 413 },
    { what: "a field that breaks the handler", headers: { "x-break": "1" }, status: 500 },
    { what: "a field that is not allowed", headers: { "x-blocked": "1" }, status: 403 },
    { what: "a field that is redirected by", headers: { "x-redirect": EVIL }, status: 302 },
  ].map(({ what, headers, status }) => ({
    attack: `an error page by ${what} (${status})`,
    handler: (({ req }) =>
      Object.keys(headers).some((name) => req.headers[name] !== undefined)
        ? { status, headers: { Location: `//${EVIL}/` }, body: "evil" }
        : html("page")) as Handler,
    evil: { headers },
    harmed: saysEvil,
  })),
  ...["a.example:80@evil", "a.example:1234", "evil@a.example", "A.evil", "a.example.evil", "[::1]:1"].map((host) => ({
    attack: `the host ${host}`,
    handler: (({ req }) => html(`<base href="http://${req.headers.host}/">`)) as Handler,
    evil: { headers: { host } },
    later: { headers: { host: "a.example" } },
    harmed: ({ text: body }: Answer) => !body.includes('"http://a.example/"'),
  })),
  {
    attack: "a cookie that is a prototype",
    handler: ({ req }) => html(req.headers.cookie ?? "nobody"),
    evil: { headers: { cookie: "__proto__=evil; constructor=evil" } },
    harmed: saysEvil,
  },
  {
    attack: "a field that is a prototype",
    handler: ({ req }) => html(req.rawHeaders.includes("__proto__") ? "evil" : "none"),
    evil: { headers: ["Host", "a", "__proto__", "evil"] },
    later: { headers: { host: "a" } },
    harmed: saysEvil,
    options: AUDITED,
  },
  {
    attack: "a parameter that is a prototype",
    handler: ({ req }) => html(req.url ?? ""),
    evil: { target: "/?__proto__[evil]=1" },
    harmed: saysEvil,
    options: { key: { query: { only: ["id"] } } },
  },
];

/** Private pages of frameworks' users that were shown to others: Django's advisories of 2026, and what resembles
 * them. */
const ADVISORIES: readonly Attack[] = [
  { advisory: "Vary: *", headers: { Vary: "*" } },
  { advisory: "* among the members of Vary", headers: { Vary: "Accept, *" } },
  { advisory: "white space in Vary", headers: { Vary: "\tX-User  , Accept " } },
  { advisory: "letter case in Vary", headers: { Vary: "x-USER" } },
  { advisory: "letter case of private", headers: { "Cache-Control": "max-age=60, PRIVATE" } },
  { advisory: "letter case of no-store", headers: { "Cache-Control": "Max-Age=60,No-Store" } },
  { advisory: "private with fields", headers: { "Cache-Control": 'max-age=60, private="x-user"' } },
  { advisory: "private on a second line", headers: { "Cache-Control": ["max-age=60", "private"] } },
  { advisory: "Set-Cookie without Vary", headers: { "Set-Cookie": "id=evil" } },
].map(({ advisory, headers }) => ({
  attack: `a page for one, with ${advisory}`,
  handler: ({ req }) => ({
    headers: { "Content-Type": "text/html", ...(headers as Record<string, string>) },
    body: req.headers["x-user"] === undefined ? "nobody" : "the evil secret of ann",
  }),
  evil: { headers: { "x-user": "ann" } },
  harmed: (answer: Answer) => saysEvil(answer) || answer.lines("set-cookie").join("").includes("evil!"),
}));

const SESSIONS: readonly Attack[] = [
  {
    attack: "a session without Vary: Cookie",
    handler: account,
    evil: { headers: { cookie: "session=ann" } },
    harmed: saysEvil,
  },
  {
    attack: "a session beside cookies that are declared harmless",
    handler: account,
    evil: { headers: { cookie: "_ga=1; session=ann" } },
    later: { headers: { cookie: "_ga=1" } },
    harmed: saysEvil,
    options: { cookies: { ignore: ["_ga"] } },
  },
  {
    attack: "a session with a freshness of its own",
    handler: async (asked) => {
      const page = await account(asked);
      return { ...page, headers: { ...page.headers, "Cache-Control": "max-age=60" } };
    },
    evil: { headers: { cookie: "session=ann" } },
    harmed: saysEvil,
  },
  {
    attack: "Authorization",
    handler: ({ req }) => html(req.headers.authorization === undefined ? "nobody" : "the evil secret of ann"),
    evil: { headers: { authorization: "Basic YW5uOmFubg==" } },
    harmed: saysEvil,
  },
  {
    attack: "an empty field that is taken for a missing one",
    handler: ({ req }) => ({
      ...html(req.headers["x-user"] === "" ? "evil" : "page"),
      headers: { "Content-Type": "text/html", Vary: "X-User" },
    }),
    evil: { headers: { "x-user": "" } },
    harmed: saysEvil,
  },
];

const ATTACKS = [...REFLECTED, ...AUDITED_FIELDS, ...DECEPTIONS, ...REQUESTS, ...ADVISORIES, ...SESSIONS];

describe("a naive cache", () => {
  it.each(ATTACKS)("falls to $attack", async ({ handler, evil, later = {}, harmed }) => {
    const origin = await serve(naive(handler));
    const { target = "/", ...visitor } = evil;
    await visit(origin, target, visitor);
    expect(harmed(await visit(origin, later.target ?? "/", later))).toBe(true);
  });
});

describe.each(ADAPTERS)("$name", (adapter) => {
  it.each(ATTACKS)("stands against $attack", async ({ handler, evil, later = {}, harmed, options }) => {
    const site = await openSite(adapter, { handler, options: { ttl: "5m", ...options } });
    const { target = "/", ...visitor } = evil;
    for (const _ of ["once", "again"]) await site.visit(target, visitor);
    for (const _ of ["once", "again"]) expect(harmed(await site.visit(later.target ?? "/", later))).toBe(false);
    expect(site.errors).toEqual([]);
  });
});

/** Keys by the path, leaves campaign parameters out, keeps everything, gives it to everybody. */
function naive(handler: Handler): RequestListener {
  const pages = new Map<string, { readonly page: Page; readonly body: Buffer }>();
  return (req, res) => {
    const key = decodeURIComponent((req.url ?? "").replace(/\?.*$/, ""));
    void (async () => {
      const kept = pages.get(key) ?? (await render());
      pages.set(key, kept);
      const { status = 200, headers = {} } = kept.page;
      res.writeHead(status, headers as Record<string, string>).end(kept.body);
    })();
    async function render() {
      const page = await handler({ req, res, directives: undefined as never });
      return { page, body: Buffer.from((page.body ?? "") as string) };
    }
  };
}

async function serve(listener: RequestListener): Promise<string> {
  const server = createServer(listener).listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(() => void server.close());
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}
