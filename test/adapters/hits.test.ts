/** What the second client gets: the first one's bytes, and the cache's account of them. */
import { randomBytes } from "node:crypto";
import { Readable } from "node:stream";
import { describe, expect, it } from "vitest";
import { parseList } from "structured-headers";
import { ManualClock } from "../support/manual-clock.js";
import { temporaryDirectory } from "../support/temporary-directory.js";
import type { Answer } from "../support/visit.js";
import { WITH_NEST } from "./adapters.js";
import type { Page } from "./adapters.js";
import { openSite, serveSite } from "./site.js";

const BINARY = randomBytes(20_000);
const LONG = randomBytes(300_000);
const VERY_LONG = randomBytes(17 * 1024 * 1024);

const PAGES: readonly { readonly given: string; readonly page: () => Page; readonly bytes: Buffer | string }[] = [
  {
    given: "a string",
    page: () => ({ headers: { "Content-Type": "text/html" }, body: "<p>Grüße, 世界</p>" }),
    bytes: "<p>Grüße, 世界</p>",
  },
  { given: "a buffer", page: () => ({ headers: { "Content-Type": "image/png" }, body: BINARY }), bytes: BINARY },
  { given: "JSON", page: () => ({ body: { greeting: "Grüße" } }), bytes: '{"greeting":"Grüße"}' },
  {
    given: "a short stream",
    page: () => ({ headers: { "Content-Type": "text/plain" }, body: Readable.from(["one ", "two"]) }),
    bytes: "one two",
  },
  { given: "a long buffer", page: () => ({ headers: { "Content-Type": "application/x" }, body: LONG }), bytes: LONG },
  {
    given: "a long stream",
    page: () => ({ headers: { "Content-Type": "application/x" }, body: Readable.from(pieces(LONG)) }),
    bytes: LONG,
  },
  {
    given: "many megabytes in one piece",
    page: () => ({ headers: { "Content-Type": "application/x" }, body: VERY_LONG }),
    bytes: VERY_LONG,
  },
  { given: "nothing", page: () => ({ headers: { "Content-Type": "text/plain" } }), bytes: "" },
];

describe.each(WITH_NEST)("$name: the second client", (adapter) => {
  it.each(PAGES)("gets the bytes and the fields of the first when the page is $given", async ({ page, bytes }) => {
    const site = await openSite(adapter, { handler: page });
    const miss = await site.visit("/");
    const hit = await site.visit("/");
    expect(site.renders).toBe(1);
    expect([miss.keptStatus, hit.cacheStatus]).toEqual(["diskcache; fwd=uri-miss; stored", "diskcache; hit; ttl=300"]);
    expect(miss.body.equals(Buffer.from(bytes))).toBe(true);
    expect(hit.body.equals(miss.body)).toBe(true);
    expect(pageFields(hit)).toEqual(pageFields(miss));
    expect(hit.header("content-length")).toBe(String(miss.body.length));
  });

  it.each(PAGES)("gets them from the disk as from memory when the page is $given", async ({ page, bytes }) => {
    const site = await openSite(adapter, { options: { ttl: "5m", memory: 0 }, handler: page });
    const miss = await site.visit("/");
    const hit = await site.visit("/");
    expect(hit.cacheStatus).toBe("diskcache; hit; ttl=300");
    expect(hit.body.equals(Buffer.from(bytes))).toBe(true);
    expect(pageFields(hit)).toEqual(pageFields(miss));
  });

  it("gets the status and every field line in its order", async () => {
    const headers = {
      "Content-Type": "text/plain; charset=utf-8",
      "X-Twice": ["one", "two"],
      "X-Empty": "",
      Link: ["</a>; rel=preload", "</b>; rel=preload"],
      "Content-Language": "de",
    };
    const site = await openSite(adapter, {
      options: { ttl: 60, statusTtl: { 404: "1m" } },
      handler: () => ({ status: 404, headers, body: "not here" }),
    });
    const miss = await site.visit("/");
    const hit = await site.visit("/");
    expect([miss.status, hit.status]).toEqual([404, 404]);
    expect(hit.isHit).toBe(true);
    expect(pageFields(hit)).toEqual(pageFields(miss));
    // The web's Headers join the lines of a field.
    const lines = (given: readonly string[]) => (adapter.web === true ? [given.join(", ")] : given);
    expect(hit.lines("x-twice")).toEqual(lines(["one", "two"]));
    expect(hit.lines("link")).toEqual(lines(headers.Link));
    expect(hit.header("x-empty")).toBe("");
  });

  it.each([
    { given: "latin1", value: "caf\u00e9" },
    { given: "UTF-8 sent as bytes", value: Buffer.from("世界").toString("latin1") },
  ])("gets field values in $given as they were", async ({ value }) => {
    const page = { headers: { "Content-Type": "text/plain", "X-Name": value }, body: "latin" };
    const site = await openSite(adapter, { handler: () => page });
    const miss = await site.visit("/");
    const hit = await site.visit("/");
    expect([miss.header("x-name"), hit.header("x-name")]).toEqual([value, value]);
    expect(hit.isHit).toBe(true);
  });

  it.skipIf(adapter.web)(
    "gets every line of a field, and of its 304, where something outside has set a field and taken it away",
    async () => {
      const [dir, clock] = [temporaryDirectory(), new ManualClock()];
      const { cache, listen } = adapter.create({ dir, clock, ttl: "5m" });
      const headers = { "Content-Type": "text/plain", ETag: '"v1"', Vary: ["Accept", "Accept-Language"] };
      const listener = listen({ handler: () => ({ headers, body: "page" }) });
      const site = await serveSite(cache, clock, dir, (req, res) => {
        res.setHeader("X-Gone", "1");
        res.removeHeader("X-Gone");
        listener(req, res);
      });
      for (const options of [{}, {}, { headers: { "if-none-match": '"v1"' } }])
        expect((await site.visit("/", options)).lines("vary")).toEqual(headers.Vary);
    },
  );

  it("is told how old the page is and how long it stays fresh", async () => {
    const site = await openSite(adapter);
    await site.visit("/");
    site.clock.advance(42);
    const hit = await site.visit("/");
    expect([hit.header("age"), hit.cacheStatus]).toEqual(["42", "diskcache; hit; ttl=258"]);
    site.clock.advance(1);
    expect((await site.visit("/")).header("age")).toBe("43");
  });

  it("asking with HEAD gets the fields of GET and no body", async () => {
    const site = await openSite(adapter, {
      handler: () => ({ headers: { "Content-Type": "text/plain" }, body: "twelve bytes" }),
    });
    await site.visit("/");
    const head = await site.visit("/", { method: "HEAD" });
    const get = await site.visit("/");
    expect(head.body).toHaveLength(0);
    expect(head.isHit).toBe(true);
    expect(head.header("content-length")).toBe("12");
    expect(pageFields(head)).toEqual(pageFields(get));
  });

  it("is not given the nothing that a HEAD before him was given", async () => {
    const site = await openSite(adapter);
    const head = await site.visit("/", { method: "HEAD" });
    const get = await site.visit("/");
    expect([head.status, head.body.length, head.isStored]).toEqual([200, 0, false]);
    expect(get.text).toBe("render 2");
    expect((await site.visit("/")).text).toBe("render 2");
  });

  it("reads in the debug field what Cache-Status says, where one is asked for", async () => {
    const site = await openSite(adapter, { options: { ttl: 60, debugHeader: "X-Cache" } });
    const said = [];
    for (const method of ["GET", "GET", "POST"]) said.push((await site.visit("/", { method })).header("x-cache"));
    expect(said).toEqual(["MISS", "HIT", "BYPASS"]);
  });

  it("reads in Server-Timing what happened and how long it took, beside what the handler measured", async () => {
    let cookie = false;
    const site = await openSite(adapter, {
      options: { ttl: 60, serverTiming: true },
      handler: () => ({ headers: { "Server-Timing": "db;dur=5", ...(cookie && { "Set-Cookie": "a=1" }) }, body: "x" }),
    });
    const miss = await site.visit("/");
    expect(miss.header("server-timing")).toMatch(/^db;dur=5, cache;desc="miss", app;dur=\d+\.\d$/);
    const [own, added] = (await site.visit("/")).lines("server-timing").join(", ").split(", ");
    expect([own, added]).toEqual(["db;dur=5", 'cache;desc="hit"']);
    cookie = true;
    const refused = await site.visit("/other");
    expect(refused.header("server-timing")).toContain('cache;desc="miss, not stored: set-cookie", app;dur=');
    expect((await site.visit("/", { method: "POST" })).header("server-timing")).toContain('cache;desc="bypass');
  });

  it("finds no Server-Timing of the cache where none is asked for", async () => {
    const site = await openSite(adapter);
    for (const _ of [1, 2]) expect((await site.visit("/")).header("server-timing")).toBeUndefined();
  });

  it("reads Cache-Status after the members of caches further in", async () => {
    const page = { headers: { "Cache-Status": "inner; hit", "Content-Type": "text/plain" }, body: "x" };
    const site = await openSite(adapter, { handler: () => page });
    expect((await site.visit("/")).keptStatus).toBe("inner; hit, diskcache; fwd=uri-miss; stored");
  });

  it("finds a Cache-Status that parses on every answer", async () => {
    const site = await openSite(adapter, {
      handler: ({ directives }) => ({ body: `${directives.skip('odd "reason"\u00fc').skipReason}` }),
    });
    for (const method of ["GET", "GET", "POST", "HEAD", "OPTIONS"]) {
      const { cacheStatus } = await site.visit("/", { method });
      expect(parseList(cacheStatus).map(([member]) => String(member))).toContain("diskcache");
    }
  });
});

/** What belongs to the page, without what the connection and the cache add. */
function pageFields(answer: Answer): string[] {
  const added = new Set([
    "age",
    "cache-status",
    "connection",
    "content-length",
    "date",
    "etag",
    "keep-alive",
    "transfer-encoding",
  ]);
  return answer.fields.filter(([name]) => !added.has(name.toLowerCase())).map(([name, value]) => `${name}: ${value}`);
}

function* pieces(bytes: Buffer): Generator<Buffer> {
  for (let at = 0; at < bytes.length; at += 10_000) yield bytes.subarray(at, at + 10_000);
}
