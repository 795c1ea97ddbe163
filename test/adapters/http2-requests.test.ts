/** What an HTTP/2 request is to the cache: the same as one of HTTP/1.1 for the same page. */
import { text } from "node:stream/consumers";
import { describe, expect, it } from "vitest";
import { barrier } from "../support/barrier.js";
import type { Handler } from "./adapters.js";
import { openSite, SPEAKING, SPEAKING_BY_KIND } from "./http2-site.js";

const PLAIN = { "Content-Type": "text/plain" };

describe.each(SPEAKING_BY_KIND)("$name over HTTP/2, $kind:", ({ adapter, kind }) => {
  it("a page is explained by what HTTP/1.1 would have asked", async () => {
    let text = "";
    const site = await openSite(adapter, kind, async ({ req, directives }) => {
      directives.skip("asked");
      const { key } = await site.cache.explain(req);
      text = key?.text ?? "";
      return { headers: PLAIN, body: "page" };
    });
    await site.visit("/why?so");
    expect(text).toContain(site.host);
    expect(text).not.toMatch(/:path|:method|:authority|:scheme/);
  });

  it("a GET with content is left alone, announced or not", async () => {
    const site = await openSite(adapter, kind, async ({ req }) => ({ headers: PLAIN, body: await text(req) }));
    const answers = [];
    for (const body of ["one", "two"]) answers.push(await site.visit("/", { body }));
    expect(answers.map((answer) => [answer.text, answer.cacheStatus])).toEqual([
      ["one", "diskcache; fwd=bypass; detail=body"],
      ["two", "diskcache; fwd=bypass; detail=body"],
    ]);
  });

  it("content that is part of the key is read, and is there for the handler", async () => {
    const handler: Handler = async ({ req }) => ({ headers: PLAIN, body: `found ${await text(req)}` });
    const site = await openSite(adapter, kind, handler, { options: { methods: ["GET", "POST"], ttl: "5m" } });
    const ask = (body: string) => site.visit("/", { method: "POST", body });
    for (const body of ["one", "", "x".repeat(200_000)]) {
      const [miss, hit] = [await ask(body), await ask(body)];
      expect([miss.text, hit.text, hit.isHit]).toEqual([`found ${body}`, `found ${body}`, true]);
    }
  });

  it("a client's own word for the scheme counts for this client alone", async () => {
    const site = await openSite(adapter, kind, ({ req }) => ({ headers: PLAIN, body: String(req.headers[":scheme"]) }));
    const [usual, other] = kind === "secure" ? ["https", "http"] : ["http", "https"];
    const lying = { ":scheme": other };
    expect((await site.visit("/", { headers: lying })).text).toBe(other);
    expect((await site.visit("/")).text).toBe(usual);
    expect(await site.visit("/", { headers: lying })).toMatchObject({ text: other, isHit: true });
    expect(await site.visit("/")).toMatchObject({ text: usual, isHit: true });
  });

  it("a `Host` beside `:authority` counts only where it says the same", async () => {
    const site = await openSite(adapter, kind, () => ({ headers: PLAIN, body: "page" }));
    await site.visit("/");
    expect((await site.visit("/", { headers: { ":authority": site.host, host: site.host } })).isHit).toBe(true);
    const two = await site.visit("/", { headers: { ":authority": site.host, host: "other.example" } });
    expect(two.cacheStatus).toBe("diskcache; fwd=bypass; detail=host");
  });

  it("what the audit finds is never what the key is made from", async () => {
    const found: string[] = [];
    const site = await openSite(adapter, kind, ({ req: { headers } }) => ({
      headers: PLAIN,
      body: `${headers[":authority"] as string} ${headers[":path"] as string} ${headers["x-theme"] as string}`,
    }));
    site.cache.on("audit", ({ name }) => found.push(name));
    await site.visit("/");
    expect(found).toEqual(["x-theme"]);
  });
});

describe.each(SPEAKING)("$name: over HTTP/1.1 and HTTP/2", (adapter) => {
  it.each([
    { first: "HTTP/2", order: ["visit", "visitByHttp1"] as const },
    { first: "HTTP/1.1", order: ["visitByHttp1", "visit"] as const },
  ])("one page serves both, made over $first", async ({ order: [one, other] }) => {
    const headers = { ...PLAIN, Vary: "Accept-Language, Host" };
    const site = await openSite(adapter, "secure", () => ({ headers, body: `render ${site.renders.count}` }));
    expect((await site[one]("/")).isStored).toBe(true);
    const hit = await site[other]("/");
    expect([hit.text, hit.isHit, hit.header("content-type")]).toEqual(["render 1", true, "text/plain"]);
  });

  it.each(["visit", "visitByHttp1"] as const)(
    "who follows over the other gets the page of a leader (%s)",
    async (one) => {
      const other = one === "visit" ? "visitByHttp1" : "visit";
      const release = barrier();
      const site = await openSite(adapter, "secure", async () => {
        await release.opened;
        return { headers: { ...PLAIN, ...(one === "visitByHttp1" && { Connection: "close" }) }, body: "page" };
      });
      const leader = site[one]("/");
      await site.renders.reaches(1);
      const follower = site[other]("/");
      while ((await site.cache.stats()).waiting < 1) await new Promise(setImmediate);
      release.open();
      expect([(await leader).text, (await follower).text, site.renders.count]).toEqual(["page", "page", 1]);
      expect((await follower).cacheStatus).toMatch(/collapsed/);
    },
  );
});
