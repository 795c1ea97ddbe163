/** Cookies of an answer that a stored page stands in for: they are for the client that the application has answered,
 * and for no other. Nothing else of such an answer is sent. */
import { describe, expect, it } from "vitest";
import { EVERY_WITH_NEST, MESSAGES } from "../adapters/adapters.js";
import type { Adapter, Handler } from "../adapters/adapters.js";
import { openSite } from "../adapters/site.js";
import { barrier } from "../support/barrier.js";
import { written } from "./crafted.js";

const PLAIN = { "Content-Type": "text/plain" };
const DOWN = { ...PLAIN, "Set-Cookie": ["id=1", "seen=1"], "X-Error": "yes", "Cache-Control": "no-store" };

/** A site whose page is stale, and whose handler then does what is given. */
async function stale(adapter: Adapter, then: Handler, options = {}) {
  const site = await openSite(adapter, {
    options: { ttl: 60, staleIfError: "1d", ...options },
    handler: (asked) => (site.renders === 1 ? { headers: { ...PLAIN, ETag: '"1"' }, body: "page" } : then(asked)),
  });
  await site.visit("/");
  await written(site.cache);
  site.clock.advance(70);
  return site;
}

describe.each(EVERY_WITH_NEST)("$name: a stale page in the place of an error", (adapter) => {
  it.each(["GET", "HEAD"])("brings a %s the cookies of the error, and nothing else of it", async (method) => {
    const site = await stale(adapter, () => ({ status: 503, headers: DOWN, body: "down" }));
    const answer = await site.visit("/", { method });
    expect([answer.status, answer.text]).toEqual([200, method === "GET" ? "page" : ""]);
    expect([answer.lines("set-cookie"), answer.lines("x-error"), answer.lines("cache-control")]).toEqual([
      ["id=1", "seen=1"],
      [],
      [],
    ]);
  });

  it("brings them to no client that waits, and to none that comes later", async () => {
    const release = barrier();
    const site = await stale(adapter, async () => {
      await release.opened;
      return { status: 500, headers: DOWN, body: "down" };
    });
    const first = site.visit("/");
    await site.arrivals.reaches(2);
    const waiting = [site.visit("/"), site.visit("/")];
    await site.waiting(2);
    release.open();
    expect((await first).lines("set-cookie")).toEqual(["id=1", "seen=1"]);
    for (const answer of [...(await Promise.all(waiting)), await site.visit("/")])
      expect([answer.text, answer.lines("set-cookie")]).toEqual(["page", []]);
    expect(site.renders).toBe(2);
  });

  it("in place of which a 304 is about another version brings the cookies of that", async () => {
    const site = await stale(adapter, () => ({ status: 304, headers: { ETag: '"2"', "Set-Cookie": "id=1" } }));
    const answer = await site.visit("/");
    expect([answer.status, answer.text, answer.lines("set-cookie")]).toEqual([200, "page", ["id=1"]]);
  });
});

describe.each(MESSAGES)("$name: a stale page in the place of a handler that has set a cookie", (adapter) => {
  it("and answers an error brings it beside those that middleware outside has set", async () => {
    const site = await stale(adapter, ({ res }) => {
      res.appendHeader("Set-Cookie", "id=1");
      return { status: 503, headers: PLAIN, body: "down" };
    });
    site.onRequest((_, res) => void res.appendHeader("Set-Cookie", "outside=1"));
    expect((await site.visit("/")).lines("set-cookie")).toEqual(["outside=1", "id=1"]);
  });

  it("and throws brings that cookie", async () => {
    const site = await stale(adapter, ({ res }) => {
      res.setHeader("Set-Cookie", "id=1");
      res.setHeader("X-Error", "yes");
      throw new Error("down");
    });
    const answer = await site.visit("/");
    expect([answer.status, answer.text]).toEqual([200, "page"]);
    expect([answer.lines("set-cookie"), answer.lines("x-error")]).toEqual([["id=1"], []]);
    expect((await site.visit("/")).lines("set-cookie")).toEqual([]);
  });

  it("and takes too long brings that cookie, and what it answers then is not stored", async () => {
    const release = barrier();
    const site = await stale(
      adapter,
      async ({ res }) => {
        res.setHeader("Set-Cookie", "id=1");
        res.setHeader("X-Error", "yes");
        await release.opened;
        return { headers: PLAIN, body: "late" };
      },
      { timeout: 0.02 },
    );
    const refused = new Promise((resolve) => site.cache.on("not-stored", resolve));
    const answer = await site.visit("/");
    expect([answer.status, answer.text]).toEqual([200, "page"]);
    expect([answer.lines("set-cookie"), answer.lines("x-error")]).toEqual([["id=1"], []]);
    release.open();
    expect(await refused).toMatchObject({ reason: "set-cookie" });
  });
});
