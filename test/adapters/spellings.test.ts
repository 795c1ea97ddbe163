/** Names of pages as people write them, and as requests have them: a purge, a warm-up and a refresh mean the same page
 * by both, or are refused. */
import { describe, expect, it } from "vitest";
import { ADAPTERS } from "./adapters.js";
import { openSite } from "./site.js";

const HOST = { host: "www.example.com" };

describe.each(ADAPTERS)("$name: a name that no request can have", (adapter) => {
  it.each([
    { sent: "/caf%C3%A9", named: "/café" },
    { sent: "/caf%c3%a9", named: "/café" },
    { sent: "/caf%c3%a9", named: "/caf%C3%A9" },
    { sent: "/caf%C3%A9", named: "/caf%c3%a9" },
    { sent: "/a%20b?q=%C3%BC%20x", named: "/a b?q=ü x" },
    { sent: "/a%7Bb%7D", named: "/a{b}" },
    { sent: "/a{b}", named: "/a{b}" },
    { sent: "/caf%C3%A9", named: "http://www.example.com/café" },
  ])("purges the page that is meant: $sent by $named", async ({ sent, named }) => {
    const site = await openSite(adapter);
    for (const [target, by] of [
      [sent, named],
      [sent, { prefix: named.slice(0, -1) }],
    ] as const) {
      await site.visit(target, { headers: HOST });
      expect((await site.visit(target, { headers: HOST })).isHit).toBe(true);
      await site.cache.purge(by);
      expect((await site.visit(target, { headers: HOST })).isHit).toBe(false);
    }
  });

  it.each([
    { sent: "www.example.com", named: "www.example.com:80" },
    { sent: "www.example.com:80", named: "www.example.com" },
    { sent: "www.example.com.", named: "WWW.example.com" },
    { sent: "[0:0::1]:3000", named: "[::1]:3000" },
    { sent: "xn--caf-dma.example", named: "café.example" },
  ])("purges the host that is meant: $sent by $named", async ({ sent, named }) => {
    const site = await openSite(adapter);
    const headers = { host: sent };
    const ways = [{ url: `http://${named}/` }, ...(named.includes("é") ? [] : [{ host: named }])];
    for (const way of ways) {
      await site.visit("/", { headers });
      expect((await site.visit("/", { headers })).isHit).toBe(true);
      await site.cache.purge(way);
      expect((await site.visit("/", { headers })).isHit).toBe(false);
    }
  });

  it.each(["http://user:secret@www.example.com/", "http://a b/"])("is refused: %s", async (url) => {
    const site = await openSite(adapter);
    await site.visit("/", { headers: HOST });
    const refused = { code: "ERR_DISKCACHE_OPTION" };
    await expect(site.cache.purge(url)).rejects.toMatchObject(refused);
    await expect(site.cache.warm([url])).rejects.toMatchObject(refused);
    await expect(site.cache.refresh(url)).rejects.toMatchObject(refused);
  });

  it("is warmed up and refreshed as a browser would ask for it", async () => {
    const site = await openSite(adapter, { handler: ({ req }) => ({ body: `${req.headers.host}${req.url}` }) });
    await site.visit("/", { headers: HOST });
    await site.cache.warm(["/café?q=a b", "http://café.example:80/ü"]);
    for (const [target, host] of [
      ["/caf%C3%A9?q=a%20b", "www.example.com"],
      ["/%C3%BC", "xn--caf-dma.example"],
    ] as const) {
      const answer = await site.visit(target, { headers: { host } });
      expect([answer.isHit, answer.text]).toEqual([true, `${host}${target}`]);
    }
    expect(await site.cache.refresh("/café?q=a b")).toMatchObject({ stored: true });
    expect(site.renders).toBe(4);
  });
});
