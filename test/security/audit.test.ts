/** The audit: what a handler reads and what selects its page are compared, and a difference is told once, with the
 * remedy, or keeps the page out. */
import type { IncomingMessage } from "node:http";
import { Readable } from "node:stream";
import type { AuditFinding, DiskCacheOptions } from "@diskcache/core";
import { diskCache as expressCache } from "@diskcache/express";
import { diskCache as koaCache } from "@diskcache/koa";
import compression from "compression";
import cookieParser from "cookie-parser";
import express5 from "express";
import express4 from "express4";
import Koa3 from "koa";
import Koa2 from "koa2";
import { describe, expect, it, vi } from "vitest";
import { ADAPTERS, NODE_HTTP, incoming } from "../adapters/adapters.js";
import type { Adapter, Page } from "../adapters/adapters.js";
import { openSite, serveSite } from "../adapters/site.js";
import type { Site } from "../adapters/site.js";
import { ManualClock } from "../support/manual-clock.js";
import { temporaryDirectory } from "../support/temporary-directory.js";
import type { VisitOptions } from "../support/visit.js";

interface Case {
  readonly reads: string;
  readonly read: (req: IncomingMessage) => unknown;
  readonly headers?: Page["headers"];
  readonly options?: Partial<DiskCacheOptions>;
  readonly visit?: VisitOptions;
  readonly target?: string;
  /** Kind and name of what is found. */
  readonly found?: readonly string[];
}

const MAX_AGE = { "Cache-Control": "max-age=60" };

const BY_NAME: readonly Case[] = [
  { reads: "a header", read: (req) => req.headers["x-theme"], found: ["header x-theme"] },
  {
    reads: "a header that is there",
    read: (req) => req.headers["x-theme"],
    visit: { headers: { "x-theme": "dark" } },
    found: ["header x-theme"],
  },
  { reads: "whether a header is there", read: (req) => "x-theme" in req.headers, found: ["header x-theme"] },
  { reads: "Accept-Language", read: (req) => req.headers["accept-language"], found: ["header accept-language"] },
  { reads: "X-Forwarded-For", read: (req) => req.headers["x-forwarded-for"], found: ["header x-forwarded-for"] },
  {
    reads: "the Cookie field although its cookies are ignored",
    read: (req) => req.headers.cookie,
    options: { cookies: { ignore: ["_ga"] } },
    visit: { headers: { cookie: "_ga=1" } },
    found: ["cookie *"],
  },
  {
    reads: "the Cookie field for a page that answers those with cookies",
    read: (req) => req.headers.cookie,
    headers: MAX_AGE,
    found: ["cookie *"],
  },
  {
    reads: "Authorization for a page that is public",
    read: (req) => req.headers.authorization,
    headers: { "Cache-Control": "public, max-age=60" },
    found: ["header authorization"],
  },
  {
    reads: "a header in Vary, and another",
    read: (req) => [req.headers["accept"], req.headers["x-b"]],
    headers: { Vary: "Accept" },
    found: ["header x-b"],
  },
];

/** Nobody can say which of them the page was made from. */
const THROUGH_ALL: readonly Case[] = [
  { reads: "all headers", read: (req) => JSON.stringify(req.headers), found: ["header *"] },
  { reads: "the raw headers", read: (req) => req.rawHeaders.length, found: ["header *"] },
  { reads: "the headers as lists", read: (req) => req.headersDistinct["x-theme"], found: ["header *"] },
];

const UNKEYED = [...BY_NAME, ...THROUGH_ALL];

const KEYED: readonly Case[] = [
  { reads: "nothing", read: () => "" },
  { reads: "a header in Vary", read: (req) => req.headers["accept-language"], headers: { Vary: "Accept-Language" } },
  { reads: "a header in the key", read: (req) => req.headers["x-plan"], options: { key: { headers: ["x-plan"] } } },
  { reads: "a header that routes vary on", read: (req) => req.headers["x-plan"], options: { vary: ["x-plan"] } },
  {
    reads: "conditions, encodings and the connection's own",
    read: ({ headers }) => [headers["if-none-match"], headers["accept-encoding"], headers.host, headers.connection],
  },
  {
    reads: "where it was asked, through proxies",
    read: ({ headers }) => [headers["x-forwarded-host"], headers["x-forwarded-proto"], headers["x-forwarded-port"]],
  },
  { reads: "fields whose senders are left alone", read: ({ headers }) => [headers["x-original-url"], headers.upgrade] },
  { reads: "Authorization for a page that nobody with it gets", read: (req) => req.headers.authorization },
  { reads: "the Cookie field for a page that nobody with cookies gets", read: (req) => req.headers.cookie },
  {
    reads: "cookies of a partition",
    read: (req) => [req.headers.cookie, req.headers.authorization],
    options: { partition: () => "ann" },
  },
  {
    reads: "a header that the partition is made from",
    read: (req) => req.headers["x-tenant"],
    options: { partition: (native) => incoming(native).headers["x-tenant"] as string | undefined },
  },
  {
    reads: "the Cookie field with keyed cookies",
    read: (req) => req.headers.cookie,
    options: { cookies: { key: ["theme"] } },
    visit: { headers: { cookie: "theme=dark" } },
  },
  {
    reads: "what every object has",
    read: ({ headers }) => [Object.prototype.toString.call(headers), headers["hasOwnProperty"]],
  },
];

describe.each(ADAPTERS)("$name: a handler that reads", (adapter) => {
  const has = ({ reads }: { readonly reads: string }): boolean =>
    adapter.web !== true || !["the headers as lists", "what every object has"].includes(reads);
  it.each(UNKEYED.filter(has))("$reads is told of, and its page is kept", async ({ found, ...rest }) => {
    const { site, visit, findings, warnings } = await open(adapter, "warn", rest);
    expect((await visit()).isStored).toBe(true);
    expect((await visit()).isHit).toBe(true);
    expect(findings.map(({ kind, name }) => `${kind} ${name}`)).toEqual(found);
    expect(warnings).toHaveLength(found!.length);
    expect(site.errors).toEqual([]);
  });

  it.each(BY_NAME)("$reads has its page kept out where the audit is enforced", async ({ found, ...rest }) => {
    const { site, visit, findings } = await open(adapter, "enforce", rest);
    for (const _ of [1, 2]) {
      const answer = await visit();
      expect([answer.status, answer.isHit, answer.isStored]).toEqual([200, false, false]);
      expect(answer.cacheStatus).toContain("detail=audit");
    }
    expect(site.renders).toBe(2);
    // Once, however often.
    expect(findings.map(({ kind, name }) => `${kind} ${name}`)).toEqual(found);
  });

  it.each(THROUGH_ALL.filter(has))(
    "$reads has its page kept for its like alone where the audit is enforced",
    async (given) => {
      const { site, findings } = await open(adapter, "enforce", given);
      for (const theme of ["dark", "light"]) {
        const headers = { "x-theme": theme };
        const first = await site.visit("/", { headers });
        expect([first.isHit, first.isStored]).toEqual([false, true]);
        expect((await site.visit("/", { headers })).isHit).toBe(true);
      }
      expect((await site.visit("/")).isHit).toBe(false);
      expect(site.renders).toBe(3);
      expect(findings.map(({ kind, name }) => `${kind} ${name}`)).toEqual(given.found);
    },
  );

  it.each(KEYED.filter(has))("$reads is nothing to tell of", async (given) => {
    const { visit, findings } = await open(adapter, "enforce", given);
    expect((await visit()).isStored).toBe(true);
    expect((await visit()).isHit).toBe(true);
    expect(findings).toEqual([]);
  });

  it("an ignored parameter of the URL it passes on has its page kept out", async () => {
    const { visit, site, findings } = await open(adapter, "enforce", {
      reads: "",
      read: (req) => req.url,
      options: { key: { query: { ignore: ["utm_*"] } } },
      target: "/?a=1&utm_source=evil",
    });
    const refused = new Promise((resolve) => site.cache.on("not-stored", ({ reason }) => resolve(reason)));
    await visit();
    expect([await refused, (await visit()).isHit]).toEqual(["audit", false]);
    expect(findings.map(({ kind, name }) => `${kind} ${name}`)).toEqual(["parameter utm_source"]);
    // Without the parameter there is nothing to pass on.
    expect((await site.visit("/?a=1")).isStored).toBe(true);
  });

  it("what the handler reads after it has begun to write is seen, too", async () => {
    const site = await openSite(adapter, {
      options: { ttl: 60, audit: "enforce" },
      handler: ({ req }) => ({
        headers: { "Content-Type": "text/plain" },
        body: Readable.from(lateReader(req)),
      }),
    });
    const refused = new Promise((resolve) => site.cache.on("not-stored", ({ reason }) => resolve(reason)));
    await site.visit("/");
    expect(await refused).toBe("audit");
    expect((await site.visit("/")).isHit).toBe(false);
  });

  it("nothing is watched where the audit is off", async () => {
    const { visit, findings, warnings } = await open(adapter, "off", UNKEYED[0]!);
    expect((await visit()).isStored).toBe(true);
    expect([findings, warnings]).toEqual([[], []]);
  });
});

describe("what is told", () => {
  it("names the field, the route and the remedy, as an event and as a warning with a code", async () => {
    const emitted = vi.spyOn(process, "emitWarning").mockImplementation(() => {});
    const site = await expressSite(express5, {}, (app, cache) => {
      const router = express5.Router();
      router.get("/:id", (req, res) => void res.send(req.get("X-Theme") ?? "none"));
      app.use(cache).use("/reports", router);
    });
    const findings: AuditFinding[] = [];
    site.cache.on("audit", (finding) => findings.push(finding));
    for (const target of ["/reports/1", "/reports/2?x=1"]) await site.visit(target);
    expect(findings).toEqual([
      {
        route: "/reports/:id",
        url: "/reports/1",
        kind: "header",
        name: "x-theme",
        remedy: 'name it in `Vary` (or `vary: ["x-theme"]`) or in `key.headers`, or do not read it',
        enforced: false,
      },
    ]);
    expect(emitted.mock.calls).toEqual([
      [
        expect.stringContaining("/reports/:id reads request header `x-theme`"),
        { type: "DiskCacheAuditWarning", code: "DISKCACHE_AUDIT" },
      ],
    ]);
  });

  it("is bounded, however many paths are asked for", async () => {
    const { site, warnings } = await open(NODE_HTTP, "warn", UNKEYED[0]!);
    for (let n = 0; n < 210; n++) await site.visit(`/${n}`);
    expect(warnings).toHaveLength(200);
  });

  it.each([
    { env: "production", given: undefined, told: 0 },
    { env: "development", given: undefined, told: 1 },
    { env: "production", given: true, told: 1 },
    { env: "development", given: false, told: 0 },
  ])("is told by default unless NODE_ENV is production ($env, audit: $given)", async ({ env, given, told }) => {
    vi.stubEnv("NODE_ENV", env);
    const { visit, warnings } = await open(NODE_HTTP, given, UNKEYED[0]!);
    vi.unstubAllEnvs();
    await visit();
    expect(warnings).toHaveLength(told);
  });
});

describe.each([
  { framework: "express 5", express: express5 },
  { framework: "express 4", express: express4 },
])("$framework: the audit", ({ express }) => {
  it("sees cookies and query parameters by their names", async () => {
    const options = { cookies: { ignore: ["_ga"] }, key: { query: { only: ["id"] } } };
    const site = await expressSite(express, options, (app, cache) => {
      app.use(cache, cookieParser());
      app.get("/cookie", (req, res) => void res.send(String((req.cookies as Record<string, string>)["_ga"])));
      app.get("/query", (req, res) => void res.send(req.query["page"] === undefined ? "none" : "one"));
      app.get("/id", (req, res) => void res.send(req.query["id"] === undefined ? "none" : "one"));
    });
    const found = findingsOf(site);
    for (const target of ["/cookie", "/query", "/query?page=2", "/id?id=1"])
      await site.visit(target, { headers: { cookie: "_ga=1" } });
    expect(found).toEqual(["cookie _ga", "parameter page"]);
  });

  it("says nothing of the framework's own reading, of compression and of cookie-parser", async () => {
    const site = await expressSite(express, { audit: "enforce", cookies: { ignore: ["_ga"] } }, (app, cache) => {
      app.set("trust proxy", true);
      app.use(cache, compression({ threshold: 0 }), cookieParser(), express.json(), express.urlencoded());
      app.get("/", (req, res) => {
        res.format({ html: () => res.send(`${req.protocol}://${req.hostname} ${String(req.fresh)}`) });
      });
    });
    const found = findingsOf(site);
    const headers = { "accept-encoding": "gzip", cookie: "_ga=1", "x-forwarded-host": "a.example" };
    expect((await site.visit("/", { headers })).isStored).toBe(true);
    expect((await site.visit("/", { headers })).isHit).toBe(true);
    expect(found).toEqual([]);
  });
});

describe.each([
  { framework: "koa 3", Koa: Koa3 },
  { framework: "koa 2", Koa: Koa2 },
])("$framework: the audit", ({ Koa }) => {
  it("sees headers, cookies and query parameters by their names", async () => {
    const { dir, clock } = { dir: temporaryDirectory(), clock: new ManualClock() };
    const cookies = { ignore: ["_ga"] };
    const cache = koaCache({ dir, clock, ttl: 60, cookies, key: { query: { ignore: ["utm_*"] } } });
    const app = new Koa();
    app.use(cache).use((ctx) => {
      if (ctx.path === "/header") ctx.body = ctx.get("X-Theme");
      if (ctx.path === "/cookie") ctx.body = ctx.cookies.get("_ga") ?? "";
      if (ctx.path === "/query") ctx.body = String(ctx.query["utm_source"]);
      if (ctx.path === "/id") ctx.body = `${String(ctx.query["id"])} ${ctx.host} ${ctx.protocol}`;
    });
    const listener = app.callback();
    const site = await serveSite(cache, clock, dir, (req, res) => void listener(req, res));
    const found = findingsOf(site);
    for (const target of ["/header", "/cookie", "/query?id=1", "/id?id=1&utm_source=x"])
      await site.visit(target, { headers: { cookie: "_ga=1" } });
    expect(found).toEqual(["header x-theme", "cookie _ga", "parameter utm_source"]);
  });
});

async function* lateReader(req: IncomingMessage) {
  yield "begun ";
  await new Promise(setImmediate);
  yield String(req.headers["x-late"]);
}

/** A site with one handler, and what is told of it. */
async function open(adapter: Adapter, audit: DiskCacheOptions["audit"], { read, headers, options, ...rest }: Case) {
  const warnings: unknown[] = [];
  vi.spyOn(process, "emitWarning").mockImplementation((warning) => void warnings.push(warning));
  const site = await openSite(adapter, {
    options: { ttl: 60, ...options, ...(audit !== undefined && { audit }) },
    handler: ({ req }) => ({
      headers: { "Content-Type": "text/plain", ...headers },
      body: `read ${String(read(req))}`,
    }),
  });
  const findings: AuditFinding[] = [];
  site.cache.on("audit", (finding) => findings.push(finding));
  return { site, findings, warnings, visit: () => site.visit(rest.target ?? "/", rest.visit) };
}

type App = ReturnType<typeof express5>;

async function expressSite(
  express: typeof express5,
  options: Partial<DiskCacheOptions>,
  build: (app: App, cache: ReturnType<typeof expressCache>) => void,
): Promise<Site> {
  const { dir, clock } = { dir: temporaryDirectory(), clock: new ManualClock() };
  const cache = expressCache({ dir, clock, ttl: 60, ...options });
  const app = express();
  build(app, cache);
  return serveSite(cache, clock, dir, app);
}

function findingsOf(site: Site): string[] {
  const found: string[] = [];
  site.cache.on("audit", ({ kind, name }) => found.push(`${kind} ${name}`));
  return found;
}
