/** No-Vary-Search (draft-ietf-httpbis-no-vary-search): which queries of a path a stored response answers. */
import { describe, expect, it } from "vitest";
import { ADAPTERS } from "../adapters/adapters.js";
import { openSite } from "../adapters/site.js";

const options = { ttl: "5m" } as const;

describe.each(ADAPTERS)("$name: a response that names what does not matter of a query", (adapter) => {
  const openWith = (rule: string | undefined) =>
    openSite(adapter, {
      options,
      handler: () => ({ ...(rule !== undefined && { headers: { "No-Vary-Search": rule } }), body: `${site.renders}` }),
    }).then((opened) => (site = opened));
  let site: Awaited<ReturnType<typeof openSite>>;

  it.each([
    { rule: 'params=("utm")', stored: "/a?q=1&utm=x", asked: "/a?q=1", hit: true },
    { rule: 'params=("utm")', stored: "/a?q=1", asked: "/a?utm=y&q=1", hit: true },
    { rule: 'params=("utm")', stored: "/a", asked: "/a?utm=y", hit: true },
    { rule: 'params=("utm")', stored: "/a?q=1&utm=x", asked: "/a?q=2&utm=x", hit: false },
    { rule: 'params=("utm")', stored: "/a?q=1&r=2", asked: "/a?r=2&q=1", hit: false },
    { rule: 'params=("utm")', stored: "/a?q=1", asked: "/b?q=1&utm=x", hit: false },
    { rule: "key-order", stored: "/a?q=1&r=2", asked: "/a?r=2&q=1", hit: true },
    { rule: "params", stored: "/a?q=1", asked: "/a?r=7", hit: true },
    { rule: 'params, except=("q")', stored: "/a?q=1&r=1", asked: "/a?q=1&r=2", hit: true },
    { rule: 'params, except=("q")', stored: "/a?q=1", asked: "/a?q=2", hit: false },
    { rule: "params=utm", stored: "/a?q=1&utm=x", asked: "/a?q=1", hit: false },
    { rule: "", stored: "/a?q=1", asked: "/a?q=1&utm=x", hit: false },
    { rule: undefined, stored: "/a?q=1", asked: "/a?q=1&utm=x", hit: false },
  ])("as $rule, stored for $stored, answers $asked: $hit", async ({ rule, stored, asked, hit }) => {
    await openWith(rule);
    await site.visit(stored);
    const answer = await site.visit(asked);
    expect([answer.isHit, answer.text]).toEqual([hit, hit ? "1" : "2"]);
    expect((await site.visit(stored)).text).toBe("1");
  });

  it("answers only its own host, and only HEAD and GET", async () => {
    await openWith('params=("utm")');
    await site.visit("/a?utm=x");
    expect((await site.visit("/a?utm=y", { method: "HEAD" })).isHit).toBe(true);
    expect((await site.visit("/a?utm=y", { headers: { host: "elsewhere.example" } })).isHit).toBe(false);
  });

  it.each(["/a?q=1&utm=x", "/a?q=1&utm=y"])("answers nothing that a purge of %s named", async (url) => {
    await openWith('params=("utm")');
    await site.visit("/a?q=1&utm=x");
    expect((await site.visit("/a?q=1&utm=y")).text).toBe("1");
    await site.cache.purge(url);
    expect((await site.visit(url)).text).toBe("2");
  });

  it("and is followed by one that names nothing answers for no other query", async () => {
    const changed = await openSite(adapter, {
      options,
      handler: () => ({
        headers: changed.renders === 1 ? { "No-Vary-Search": "params" } : {},
        body: `${changed.renders}`,
      }),
    });
    await changed.visit("/a?utm=x");
    changed.clock.advance(200);
    expect((await changed.visit("/a?utm=y")).isHit).toBe(true);
    changed.clock.advance(200);
    await changed.visit("/a?utm=x");
    expect((await changed.visit("/a?utm=y")).isHit).toBe(false);
  });

  it("gives way to a newer one for an equivalent query", async () => {
    await openWith('params=("utm")');
    await site.visit("/a?utm=x");
    site.clock.advance(301);
    await site.visit("/a?utm=y");
    expect((await site.visit("/a?utm=z")).text).toBe("2");
  });

  it("that varies on a field as well answers those who send the same", async () => {
    const varying = await openSite(adapter, {
      options,
      handler: ({ req }) => ({
        headers: { "No-Vary-Search": 'params=("utm")', Vary: "Accept-Language" },
        body: String(req.headers["accept-language"]),
      }),
    });
    for (const language of ["de", "en"]) await varying.visit("/a?utm=x", { headers: { "accept-language": language } });
    const answers = ["de", "en", "fr"].map(async (language) => {
      const answer = await varying.visit("/a?utm=y", { headers: { "accept-language": language } });
      return [answer.text, answer.isHit];
    });
    expect(await Promise.all(answers)).toEqual([
      ["de", true],
      ["en", true],
      ["fr", false],
    ]);
  });
});
