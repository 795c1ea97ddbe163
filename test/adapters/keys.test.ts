/** Which requests are for the same page: as few as possible, because cache poisoning starts here. */
import { describe, expect, it } from "vitest";
import { exchangeBytes } from "../support/visit.js";
import { ADAPTERS, incoming } from "./adapters.js";
import { openSite } from "./site.js";

const APART: readonly (readonly [one: string, other: string])[] = [
  ["/a", "/a/"],
  ["/a", "/A"],
  ["/a", "/a?"],
  ["/a?x=1", "/a?x=1&"],
  ["/a?x=1&y=2", "/a?y=2&x=1"],
  ["/a?x=1", "/a?x=%31"],
  ["/a%2Fb", "/a/b"],
  ["/a%2Fb", "/a%2fb"],
  ["//example.com/a", "/example.com/a"],
  ["//example.com/a", "/a"],
  ["/x/../a", "/a"],
  ["/../a", "/a"],
  ["/a;v=1", "/a"],
  ["/%00", "/"],
  [`/${"x".repeat(300)}`, `/${"x".repeat(301)}`],
];

describe.each(ADAPTERS)("$name: what names a page", (adapter) => {
  // The web's URLs have no empty query and no dot segments.
  const apart = APART.filter(([one]) => adapter.web !== true || !/\?$|\.\.|^\/a$/.test(one));
  it.each(apart)("tells %s from %s", async (one, other) => {
    const site = await openSite(adapter, { handler: ({ req }) => ({ body: `page ${req.url}` }) });
    const texts = [];
    for (const target of [one, other, one, other]) texts.push((await site.visit(target)).text);
    expect(texts).toEqual([`page ${one}`, `page ${other}`, `page ${one}`, `page ${other}`]);
    expect(site.renders).toBe(2);
  });

  it.each([
    { given: "Host", headers: [{ host: "a.example" }, { host: "b.example" }] },
    { given: "the port in Host", headers: [{ host: "a.example" }, { host: "a.example:8080" }] },
    { given: "X-Forwarded-Host", headers: [{}, { "x-forwarded-host": "evil.example" }] },
    { given: "X-Forwarded-Proto", headers: [{ "x-forwarded-proto": "http" }, { "x-forwarded-proto": "https" }] },
    { given: "CloudFront-Forwarded-Proto", headers: [{}, { "cloudfront-forwarded-proto": "https" }] },
    { given: "CF-Visitor", headers: [{ "cf-visitor": '{"scheme":"http"}' }, { "cf-visitor": '{"scheme":"https"}' }] },
    { given: "X-ARR-SSL", headers: [{}, { "x-arr-ssl": "2048|256|C=US, CN=issuer|CN=www.example.com" }] },
    { given: "X-AppService-Proto", headers: [{}, { "x-appservice-proto": "https" }] },
    { given: "Front-End-Https", headers: [{}, { "front-end-https": "on" }] },
    { given: "X-Forwarded-Protocol", headers: [{}, { "x-forwarded-protocol": "https" }] },
    { given: "X-Url-Scheme", headers: [{}, { "x-url-scheme": "https" }] },
    { given: "Forwarded", headers: [{}, { forwarded: "host=evil.example" }] },
  ])("includes $given", async ({ headers }) => {
    const site = await openSite(adapter);
    const texts = [];
    for (const set of [...headers, ...headers])
      texts.push((await site.visit("/", { headers: set as Record<string, string> })).text);
    expect(texts).toEqual(["render 1", "render 2", "render 1", "render 2"]);
  });

  it("takes Host in any case for the same", async () => {
    const site = await openSite(adapter);
    await site.visit("/", { headers: { host: "Example.COM" } });
    expect((await site.visit("/", { headers: { host: "example.com" } })).isHit).toBe(true);
  });

  it("keeps pages of the hosts it is given, and no others", async () => {
    const site = await openSite(adapter, { options: { ttl: 60, hosts: ["www.example.com"] } });
    const statuses = [];
    for (const host of ["www.example.com", "WWW.example.com", "evil.example", "evil.example"])
      statuses.push((await site.visit("/", { headers: { host } })).cacheStatus);
    expect(statuses.slice(1)).toEqual([
      "diskcache; hit; ttl=60",
      "diskcache; fwd=bypass; detail=host",
      "diskcache; fwd=bypass; detail=host",
    ]);
  });

  // The web's URL names one host, whatever the target is.
  it.skipIf(adapter.web)("is nothing when there are two Hosts, or when the target is a whole URL", async () => {
    const site = await openSite(adapter);
    for (const lines of [
      "GET / HTTP/1.1\r\nHost: a\r\nHost: b",
      "GET http://a/ HTTP/1.1\r\nHost: a",
      "GET http://b/ HTTP/1.1\r\nHost: a",
    ]) {
      for (const _ of [1, 2]) {
        const answer = await exchangeBytes(site.origin, `${lines}\r\nConnection: close\r\n\r\n`);
        expect(answer.split("\r\n")[0]).not.toContain(" 200 OK; hit");
        expect(answer).not.toMatch(/cache-status: diskcache; hit/i);
      }
    }
    expect((await site.visit("/", { headers: { host: "a" } })).cacheStatus).toContain("fwd=uri-miss");
  });

  it("has a length beyond which nothing is kept", async () => {
    const site = await openSite(adapter, { handler: ({ req }) => ({ body: String(req.url!.length) }) });
    const long = `/?${"x".repeat(10_000)}`;
    for (const _ of [1, 2])
      expect(await site.visit(long)).toMatchObject({
        status: 200,
        text: "10002",
        cacheStatus: "diskcache; fwd=bypass; detail=target",
      });
    const shorter = `/?${"x".repeat(5000)}`;
    await site.visit(shorter);
    expect((await site.visit(shorter)).isHit).toBe(true);
  });

  it("leaves out the parameters the operator names, and keeps the order of the others", async () => {
    const site = await openSite(adapter, {
      options: { ttl: 60, key: { query: { ignore: ["utm_*", "gclid"] } } },
      handler: ({ req }) => ({ body: req.url! }),
    });
    await site.visit("/?a=1&b=2");
    const same = ["/?a=1&b=2&utm_source=x", "/?utm_medium=y&a=1&gclid=7&b=2"];
    for (const target of same) expect((await site.visit(target)).isHit).toBe(true);
    for (const target of ["/?b=2&a=1", "/?a=1", "/?a=1&b=2&utm=1"])
      expect((await site.visit(target)).isHit).toBe(false);
  });

  it("counts only the parameters the operator names, in any order if he says so", async () => {
    const site = await openSite(adapter, {
      options: { ttl: 60, key: { query: { only: ["id", "tag*"], sort: true } } },
    });
    await site.visit("/?id=1&tags=a&tags=b");
    expect((await site.visit("/?tags=a&x=9&tags=b&id=1")).isHit).toBe(true);
    expect((await site.visit("/?tags=b&tags=a&id=1")).isHit).toBe(false);
  });

  it("includes the request fields and the cookies the operator names", async () => {
    const site = await openSite(adapter, {
      options: { ttl: 60, key: { headers: ["X-Plan"] }, cookies: { key: ["theme"], ignore: ["_ga*"] } },
    });
    const visits = [
      { "x-plan": "a" },
      { "x-plan": "b" },
      { cookie: "theme=dark" },
      { cookie: "theme=light; _ga=1" },
      {},
    ];
    const texts = [];
    for (const headers of [...visits, ...visits]) texts.push((await site.visit("/", { headers })).text);
    expect(texts.slice(0, 5)).toEqual(texts.slice(5));
    expect(new Set(texts).size).toBe(5);
    expect((await site.visit("/", { headers: { cookie: "_ga=2; theme=dark; _gat=3" } })).isHit).toBe(true);
    expect((await site.visit("/", { headers: { cookie: "theme=dark; session=1" } })).isHit).toBe(false);
  });

  it("may be a word of the application's own", async () => {
    const site = await openSite(adapter, {
      options: { ttl: 60, key: (native) => new URL(incoming(native).url!, "http://x").pathname },
    });
    await site.visit("/a?x=1");
    expect((await site.visit("/a?x=2")).text).toBe("render 1");
    expect((await site.visit("/b?x=1")).text).toBe("render 2");
  });

  it("may be divided among those who see different pages, logins and cookies included", async () => {
    const site = await openSite(adapter, {
      options: { ttl: 60, partition: (native) => incoming(native).headers["x-role"] as string | undefined },
    });
    const visits = [{ "x-role": "admin", cookie: "session=1" }, { "x-role": "guest", cookie: "session=2" }, {}];
    const texts = [];
    for (const headers of [...visits, ...visits]) texts.push((await site.visit("/", { headers })).text);
    expect(texts).toEqual(["render 1", "render 2", "render 3", "render 1", "render 2", "render 3"]);
    expect(
      (await site.visit("/", { headers: { "x-role": "admin", cookie: "session=9", authorization: "Basic x" } })).text,
    ).toBe("render 1");
    expect((await site.visit("/", { headers: { cookie: "session=9" } })).isHit).toBe(false);
  });

  it("is not asked for when the operator leaves the request alone", async () => {
    const site = await openSite(adapter, {
      options: { ttl: 60, skip: (native) => incoming(native).url!.startsWith("/admin") },
    });
    for (const _ of [1, 2]) expect((await site.visit("/admin")).cacheStatus).toBe("diskcache; fwd=bypass; detail=skip");
    await site.visit("/");
    expect((await site.visit("/")).isHit).toBe(true);
  });
});
