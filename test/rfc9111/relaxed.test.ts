/** What HTTP permits and this cache does only when asked: cookies replayed (RFC 9111 §7.3), a POST that answers GETs
 * (RFC 9110 §9.3.3), languages chosen (RFC 9111 §4.1). */
import { describe, expect, it } from "vitest";
import { ADAPTERS } from "../adapters/adapters.js";
import type { Asked, Page } from "../adapters/adapters.js";
import { openSite } from "../adapters/site.js";

const LIFETIME = { "Cache-Control": "max-age=60" };

describe.each(ADAPTERS)("$name: relaxed.setCookie", (adapter) => {
  const handler = () => ({ headers: { ...LIFETIME, "Set-Cookie": ["a=1", "b=2"] }, body: "x" });

  it.each([
    { setCookie: true, cookies: ["a=1", "b=2"], renders: 1 },
    { setCookie: false, cookies: ["a=1", "b=2"], renders: 2 },
  ])("$setCookie: two visits are $renders renderings", async ({ setCookie, cookies, renders }) => {
    const site = await openSite(adapter, { options: { relaxed: { setCookie } }, handler });
    await site.visit("/");
    expect((await site.visit("/")).lines("set-cookie")).toEqual(cookies);
    expect(site.renders).toBe(renders);
  });
});

describe.each(ADAPTERS)("$name: relaxed.postAnswersGet", (adapter) => {
  const options = { relaxed: { postAnswersGet: true } };
  const posted = ({ req }: Asked, fields: Readonly<Record<string, string>> = {}): Page => ({
    headers: { ...LIFETIME, ...(req.method === "POST" ? { "Content-Location": "/a", ...fields } : {}) },
    body: `${req.method} ${req.method === "POST" ? "made" : "asked"}`,
  });
  const post = { method: "POST", body: "12345", headers: { "content-type": "text/plain", "content-length": 5 } };

  it("keeps the answer that names its own target, for GETs", async () => {
    const site = await openSite(adapter, { options, handler: posted });
    const made = await site.visit("/a", post);
    expect([made.text, made.keptStatus]).toEqual(["POST made", "diskcache; fwd=method; stored"]);
    const got = await site.visit("/a");
    expect([got.text, got.isHit]).toEqual(["POST made", true]);
  });

  it.each([
    { answer: "that names another target", fields: { "Content-Location": "/b" } },
    { answer: "for one client", fields: { "Cache-Control": "private, max-age=60" } },
    { answer: "with a cookie", fields: { "Set-Cookie": "a=1" } },
  ])("does not keep an answer $answer", async ({ fields }) => {
    const site = await openSite(adapter, { options, handler: (asked) => posted(asked, fields) });
    await site.visit("/a", post);
    expect((await site.visit("/a")).text).toBe("GET asked");
  });

  it("does not keep the answer to a POST in disguise", async () => {
    const site = await openSite(adapter, { options, handler: posted });
    await site.visit("/a", { ...post, headers: { ...post.headers, "x-http-method-override": "DELETE" } });
    expect((await site.visit("/a")).text).toBe("GET asked");
  });

  it("still ends what was stored before", async () => {
    const site = await openSite(adapter, { options, handler: posted });
    await site.visit("/a");
    await site.visit("/a", post);
    expect((await site.visit("/a")).text).toBe("POST made");
    await site.visit("/a", { ...post, headers: { ...post.headers, cookie: "session=1" } });
    expect((await site.visit("/a")).text).toBe("GET asked");
  });

  it("keeps nothing that a purge named while it was made", async () => {
    const site = await openSite(adapter, {
      options,
      handler: async (asked) => {
        if (asked.req.method === "POST") await site.cache.purge({ tag: "t" });
        return posted(asked, { "Cache-Tag": "t" });
      },
    });
    await site.visit("/a", post);
    expect((await site.visit("/a")).text).toBe("GET asked");
  });

  it("is off without being asked for", async () => {
    const site = await openSite(adapter, { options: {}, handler: posted });
    await site.visit("/a", post);
    expect((await site.visit("/a")).text).toBe("GET asked");
  });
});

describe.each(ADAPTERS)("$name: relaxed.guessLanguage", (adapter) => {
  const inGerman = (): Page => ({
    headers: { ...LIFETIME, Vary: "Accept-Language", "Content-Language": "de" },
    body: "Hallo",
  });

  it.each([
    { guessLanguage: true, wanted: "fr;q=0.5, de", hit: true },
    { guessLanguage: true, wanted: "de-AT, fr;q=0.5", hit: false },
    { guessLanguage: true, wanted: "fr, de;q=0.5", hit: false },
    { guessLanguage: false, wanted: "fr;q=0.5, de", hit: false },
  ])("$guessLanguage: a stored German page answers $wanted: $hit", async ({ guessLanguage, wanted, hit }) => {
    const site = await openSite(adapter, { options: { relaxed: { guessLanguage } }, handler: inGerman });
    await site.visit("/", { headers: { "accept-language": "en, de" } });
    expect((await site.visit("/", { headers: { "accept-language": wanted } })).isHit).toBe(hit);
  });

  it("does not choose where something else selects as well", async () => {
    const site = await openSite(adapter, {
      options: { relaxed: { guessLanguage: true } },
      handler: () => ({ ...inGerman(), headers: { ...inGerman().headers, Vary: "Accept-Language, Accept" } }),
    });
    await site.visit("/", { headers: { "accept-language": "en, de" } });
    expect((await site.visit("/", { headers: { "accept-language": "de" } })).isHit).toBe(false);
  });
});
