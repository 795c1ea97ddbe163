/** Fragments: parts of pages that are made once, and that no page outlives in a purge. */
import { PassThrough } from "node:stream";
import type { FragmentOptions, UseFragment } from "@diskcache/core";
import { describe, expect, it } from "vitest";
import { barrier } from "../support/barrier.js";
import { ADAPTERS } from "./adapters.js";
import type { Asked, Handler } from "./adapters.js";
import { openSite } from "./site.js";
import type { Site } from "./site.js";

const NEWS: FragmentOptions = { ttl: "1h", tags: ["news"] };

/** The two ways to a fragment. */
const WAYS = [
  {
    way: "bound to the request",
    of: (_site: Site, { directives }: Asked): UseFragment => directives.fragment.bind(directives),
  },
  { way: "of the cache", of: (site: Site, _asked: Asked): UseFragment => site.cache.fragment },
];

describe.each(ADAPTERS)("$name: a fragment", (adapter) => {
  const open = (handler: Handler, options = {}) => openSite(adapter, { options: { ttl: "5m", ...options }, handler });

  describe.each(WAYS)("$way", ({ of }) => {
    it("is made once for all pages that contain it, and comes back as what it was", async () => {
      let made = 0;
      const site = await open(async (asked) => {
        const use = of(site, asked);
        const text = await use("text", "de", NEWS, () => `ü${++made}`);
        const bytes = await use("bytes", [], "1h", () => Buffer.from([0xff, ++made]));
        return { headers: { "Content-Type": "text/plain" }, body: `${text} ${bytes.toString("hex")}` };
      });
      for (const target of ["/a", "/b", "/a"]) expect((await site.visit(target)).text).toBe("ü1 ff02");
      expect([site.renders, made]).toEqual([2, 2]);
    });

    it("takes every page that contains it with it in a purge, also those it was found for", async () => {
      let made = 0;
      const site = await open(async (asked) => ({
        headers: { "Content-Type": "text/plain" },
        body: await of(site, asked)("news", asked.req.url === "/other", NEWS, () => String(++made)),
      }));
      const texts = async () => [(await site.visit("/a")).text, (await site.visit("/b")).text];
      expect([await texts(), await texts()]).toEqual([
        ["1", "1"],
        ["1", "1"],
      ]);
      await site.cache.purgeTag("news");
      expect(await texts()).toEqual(["2", "2"]);
      expect(site.renders).toBe(4);
    });

    it("that is purged while the page around it is made takes that page with it", async () => {
      const [used, goOn] = [barrier(), barrier()];
      let made = 0;
      const site = await open(async (asked) => {
        const body = await of(site, asked)("news", [], NEWS, () => String(++made));
        if (asked.req.url === "/slow") {
          used.open();
          await goOn.opened;
        }
        return { headers: { "Content-Type": "text/plain" }, body };
      });
      await site.visit("/first");
      const before = site.visit("/slow");
      await used.opened;
      await site.cache.purgeTag("news");
      goOn.open();
      expect([(await before).text, (await site.visit("/slow")).text]).toEqual(["1", "2"]);
    });

    it("inside another gives it its labels", async () => {
      let made = 0;
      const site = await open(async (asked) => {
        const use = of(site, asked);
        const body = await use("outer", [], { ttl: "1h" }, async (inside) => {
          const inner = await use("inner", [], NEWS, () => String(++made));
          return inner + (await inside.tag("found").fragment("other", [], { tags: ["other"] }, () => String(++made)));
        });
        return { headers: { "Content-Type": "text/plain" }, body };
      });
      expect([(await site.visit("/a")).text, (await site.visit("/b")).text]).toEqual(["12", "12"]);
      await site.cache.purgeTag("news");
      expect([(await site.visit("/a")).text, (await site.visit("/b")).text]).toEqual(["32", "32"]);
      await site.cache.purgeTag("other");
      expect([(await site.visit("/a")).text, (await site.visit("/b")).text]).toEqual(["34", "34"]);
      await site.cache.purgeTag("found");
      expect([(await site.visit("/a")).text, site.renders]).toEqual(["34", 7]);
    });

    it("that a streamed page uses after it has begun is one of its labels, too", async () => {
      let made = 0;
      const begun = barrier();
      const site = await open((asked) => {
        const body = new PassThrough();
        body.write("begin ");
        void begun.opened
          .then(() => of(site, asked)("news", [], NEWS, () => String(++made)))
          .then((text) => body.end(text));
        return { headers: { "Content-Type": "text/plain" }, body };
      });
      const first = site.begin("/");
      await first;
      begun.open();
      expect(await text(first)).toBe("begin 1");
      expect((await site.visit("/")).text).toBe("begin 1");
      await site.cache.purgeTag("news");
      expect((await site.visit("/")).text).toBe("begin 2");
    });

    it("leaves a page alone that is made at the same time and does not contain it", async () => {
      const [begun, goOn] = [barrier(), barrier()];
      const site = await open(async (asked) => {
        const render = site.renders;
        if (asked.req.url === "/without") {
          begun.open();
          await goOn.opened;
        } else await of(site, asked)("news", [], NEWS, () => "news");
        return { headers: { "Content-Type": "text/plain" }, body: `${render}` };
      });
      await site.visit("/first");
      const without = site.visit("/without");
      await begun.opened;
      await site.visit("/with");
      goOn.open();
      await without;
      await site.cache.purgeTag("news");
      expect([(await site.visit("/without")).text, (await site.visit("/with")).text]).toEqual(["2", "4"]);
    });

    it("that fails is nobody's but theirs who asked, and is not kept", async () => {
      let made = 0;
      const site = await open(async (asked) => {
        const body = await of(site, asked)("news", [], NEWS, () => {
          if (++made === 1) throw new Error("no news");
          return String(made);
        }).catch((error: Error) => error.message);
        return { headers: { "Content-Type": "text/plain", "Cache-Control": "no-store" }, body };
      });
      const texts = [];
      for (let n = 0; n < 3; n++) texts.push((await site.visit("/")).text);
      expect(texts).toEqual(["no news", "2", "2"]);
    });
  });

  it.each([
    { given: [], message: "`render`: expected a function that makes the fragment, got undefined" },
    { given: ["<b>news</b>"], message: '`render`: expected a function that makes the fragment, got "<b>news</b>"' },
  ])("is refused without a function that makes it: $given", async ({ given, message }) => {
    const { cache } = await openSite(adapter);
    const use = cache.fragment as (...args: unknown[]) => Promise<unknown>;
    for (const _ of [1, 2])
      await expect(use("news", "de", "1h", ...given)).rejects.toMatchObject({
        code: "ERR_DISKCACHE_OPTION",
        message: expect.stringContaining(message) as string,
      });
  });

  it("is over when its time is, and never kept with a `ttl` of 0", async () => {
    let made = 0;
    const site = await open(async ({ directives }) => ({
      headers: { "Content-Type": "text/plain", "Cache-Control": "no-store" },
      body: `${await directives.fragment("a", [], "1m", () => String(++made))} ${await directives.fragment("b", [], 0, () => "b")}`,
    }));
    expect([(await site.visit("/")).text, (await site.visit("/")).text]).toEqual(["1 b", "1 b"]);
    site.clock.advance(60);
    expect((await site.visit("/")).text).toBe("2 b");
  });

  it("is found after a restart", async () => {
    let made = 0;
    const handler: Handler = async ({ directives }) => ({
      headers: { "Content-Type": "text/plain", "Cache-Control": "no-store" },
      body: await directives.fragment("a", [], NEWS, () => String(++made)),
    });
    const site = await open(handler);
    await site.visit("/");
    await site.close();
    const again = await open(handler, { dir: site.dir });
    expect((await again.visit("/")).text).toBe("1");
  });

  it("is made and not kept where the cache is off", async () => {
    let made = 0;
    const site = await open(
      async ({ directives }) => ({
        headers: { "Content-Type": "text/plain" },
        body: await directives.fragment("a", [], NEWS, () => String(++made)),
      }),
      { enabled: false },
    );
    expect([(await site.visit("/")).text, (await site.visit("/")).text]).toEqual(["1", "2"]);
  });
});

async function text(answer: Promise<AsyncIterable<Buffer>>): Promise<string> {
  const pieces: Buffer[] = [];
  for await (const piece of await answer) pieces.push(piece);
  return Buffer.concat(pieces).toString();
}
