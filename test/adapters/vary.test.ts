/** One URL, several pages: Vary selects among them (RFC 9111 §4.1). */
import { describe, expect, it } from "vitest";
import { ADAPTERS } from "./adapters.js";
import { entryFiles } from "../support/entry-files.js";
import { openSite } from "./site.js";

describe.each(ADAPTERS)("$name: a page that varies", (adapter) => {
  const inLanguage = { options: { ttl: 60 }, vary: "Accept-Language" };

  it("is kept once for each value of the field it names", async () => {
    const site = await openSite(adapter, {
      options: inLanguage.options,
      handler: ({ req }) => ({
        headers: { Vary: inLanguage.vary },
        body: `${req.headers["accept-language"]} ${site.renders}`,
      }),
    });
    const said: string[] = [];
    for (const language of ["de", "en", "de", "en", undefined, "", undefined, ""]) {
      said.push(
        (await site.visit("/", { headers: language === undefined ? {} : { "accept-language": language } })).text,
      );
    }
    expect(said).toEqual(["de 1", "en 2", "de 1", "en 2", "undefined 3", " 4", "undefined 3", " 4"]);
  });

  it.each([
    { where: "Vary", headers: { Vary: "Cookie" }, options: {} },
    { where: "key.headers", headers: {}, options: { key: { headers: ["cookie"] } } },
  ])("by cookies is the same whatever those say that are ignored: $where", async ({ headers, options }) => {
    const site = await openSite(adapter, {
      options: { ttl: 60, cookies: { ignore: ["_ga*"], key: ["theme"] }, ...options },
      handler: ({ req }) => ({ headers, body: `${/theme=(\w+)/.exec(req.headers.cookie ?? "")?.[1]} ${site.renders}` }),
    });
    const said: string[] = [];
    for (const cookie of ["_ga=1", "_ga=2; _gat=1", undefined, "theme=dark; _ga=3", "_ga=4;theme=dark", "theme=light"])
      said.push((await site.visit("/", { headers: cookie === undefined ? {} : { cookie } })).text);
    expect(said).toEqual(["undefined 1", "undefined 1", "undefined 1", "dark 2", "dark 2", "light 3"]);
  });

  it("says vary-miss when the URL is known and the variant is not", async () => {
    const site = await openSite(adapter, { handler: () => ({ headers: { Vary: "accept" }, body: "x" }) });
    await site.visit("/", { headers: { accept: "text/html" } });
    expect((await site.visit("/", { headers: { accept: "image/png" } })).keptStatus).toBe(
      "diskcache; fwd=vary-miss; stored",
    );
  });

  it("takes two spellings of the same Accept-Encoding for one", async () => {
    const site = await openSite(adapter, { handler: () => ({ headers: { Vary: "Accept-Encoding" }, body: "x" }) });
    await site.visit("/", { headers: { "accept-encoding": "gzip, br" } });
    expect((await site.visit("/", { headers: { "accept-encoding": "br,gzip;q=1.0" } })).isHit).toBe(true);
    expect((await site.visit("/", { headers: { "accept-encoding": "gzip" } })).isHit).toBe(false);
  });

  it("takes several lines of a field for the list they are", async () => {
    const site = await openSite(adapter, { handler: () => ({ headers: { Vary: "X-Kind" }, body: "x" }) });
    await site.visit("/", { headers: { "x-kind": ["a", "b"] } });
    expect((await site.visit("/", { headers: { "x-kind": "a, b" } })).isHit).toBe(true);
    expect((await site.visit("/", { headers: { "x-kind": "ab" } })).isHit).toBe(false);
  });

  it("keeps variants that name different fields apart", async () => {
    const site = await openSite(adapter, {
      handler: ({ req }) =>
        req.headers["x-plan"] === "pro"
          ? { headers: { Vary: "X-Plan, X-Team" }, body: `team ${String(req.headers["x-team"])}` }
          : { headers: { Vary: "X-Plan" }, body: "everybody" },
    });
    const visits = [
      { "x-plan": "free" },
      { "x-plan": "pro", "x-team": "a" },
      { "x-plan": "pro", "x-team": "b" },
      { "x-plan": "free", "x-team": "a" },
    ];
    for (const headers of visits) await site.visit("/", { headers });
    const again = [];
    for (const headers of visits) again.push((await site.visit("/", { headers })).text);
    expect(again).toEqual(["everybody", "team a", "team b", "everybody"]);
  });

  it("keeps no more than a bounded number of variants, the newest among them", async () => {
    const site = await openSite(adapter, {
      handler: ({ req }) => ({ headers: { Vary: "X-Flood" }, body: String(req.headers["x-flood"]) }),
    });
    for (let n = 0; n < 80; n++) await site.visit("/", { headers: { "x-flood": String(n) } });
    let hits = 0;
    for (let n = 79; n >= 0; n--) if ((await site.visit("/", { headers: { "x-flood": String(n) } })).isHit) hits++;
    expect(hits).toBeLessThanOrEqual(64);
    expect(hits).toBeGreaterThan(0);
    await site.cache.close(); // what was dropped is removed behind the responses
    expect(entryFiles(site.dir).length).toBeLessThanOrEqual(65); // the variants, and the record that lists them
  });

  it.each([
    { given: "the policy", options: { ttl: 60, vary: ["x-theme"] }, byHandler: false },
    { given: "the handler", options: { ttl: 60 }, byHandler: true },
  ])("by the word of $given tells the caches further out as well", async ({ options, byHandler }) => {
    const site = await openSite(adapter, {
      options,
      handler: ({ req, directives }) => {
        if (byHandler) directives.vary("X-Theme");
        return { headers: { Vary: "Accept" }, body: String(req.headers["x-theme"]) };
      },
    });
    for (const theme of ["dark", "light"]) await site.visit("/", { headers: { "x-theme": theme } });
    const dark = await site.visit("/", { headers: { "x-theme": "dark" } });
    expect([dark.text, dark.isHit, dark.header("vary")?.toLowerCase()]).toEqual(["dark", true, "accept, x-theme"]);
  });

  it("goes with all its variants when its URL is purged", async () => {
    const site = await openSite(adapter, {
      handler: ({ req }) => ({
        headers: { Vary: "Accept-Language" },
        body: `${req.headers["accept-language"]} ${site.renders}`,
      }),
    });
    for (const language of ["de", "en"]) await site.visit("/", { headers: { "accept-language": language } });
    await site.cache.purge("/");
    for (const language of ["de", "en"])
      expect((await site.visit("/", { headers: { "accept-language": language } })).isHit).toBe(false);
  });
});
