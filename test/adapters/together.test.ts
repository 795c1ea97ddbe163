/** Many clients for one page that is not there: one render for all of them, and nothing of the one client for the others. */
import { PassThrough } from "node:stream";
import { buffer } from "node:stream/consumers";
import { describe, expect, it } from "vitest";
import { barrier, tally } from "../support/barrier.js";
import { ADAPTERS } from "./adapters.js";
import type { Page } from "./adapters.js";
import { openSite } from "./site.js";
import type { Site } from "./site.js";

const VISITORS = 8;

describe.each(ADAPTERS)("$name: clients that come together", (adapter) => {
  it("cost one render, and all of them get the page", async () => {
    const release = barrier();
    const site = await openSite(adapter, {
      handler: held(release.opened, () => ({ headers: { "Content-Type": "text/html" }, body: "<p>one</p>" })),
    });
    const answers = await together(site, release.open);
    expect(site.renders).toBe(1);
    for (const answer of answers)
      expect([answer.status, answer.text, answer.header("content-type")]).toEqual([
        200,
        "<p>one</p>",
        expect.stringContaining("text/html"),
      ]);
    expect(answers.filter(({ cacheStatus }) => cacheStatus.includes("; collapsed"))).toHaveLength(VISITORS - 1);
  });

  it("read a stream along from its first byte", async () => {
    const body = new PassThrough();
    const site = await openSite(adapter, { handler: () => ({ headers: { "Content-Type": "text/plain" }, body }) });
    const leader = await site.begin("/", opening(body));
    const follower = await site.begin("/");
    const texts = Promise.all([buffer(leader), buffer(follower)]);
    for (let n = 0; n < 50; n++) body.write(Buffer.alloc(5000, n));
    body.end();
    const [one, other] = await texts;
    expect([one.length, one.equals(other), site.renders]).toEqual([250_003, true, 1]);
  });

  it.each([
    { given: "is purged meanwhile", options: { ttl: 60 }, purged: true },
    { given: "turns out too long to keep", options: { ttl: 60, maxBody: "100kb" }, purged: false, tooLong: true },
    { given: "is longer than maxBody from the first byte", options: { ttl: 60, maxBody: 2 }, purged: false },
    { given: "cannot be written to the disk", options: { ttl: 60, minFree: "1000tb" }, purged: false },
  ])("get the whole of a stream that $given", async ({ options, purged, tooLong = false }) => {
    const body = new PassThrough();
    const site = await openSite(adapter, {
      options,
      handler: ({ req }) => ({
        headers: { "Content-Type": "text/plain" },
        body: req.headers["x-first"] ? body : "another",
      }),
    });
    const leader = await site.begin("/", { headers: { "x-first": "1", ...opening(body) } });
    const follower = site.begin("/").then(buffer).catch(brokenOff);
    await site.arrivals.reaches(2);
    if (purged) await site.cache.purge("/");
    for (let n = 0; n < 50; n++) body.write(Buffer.alloc(5000, n));
    body.end();
    expect(await buffer(leader)).toHaveLength(250_003);
    // He read along to the end, or was given a page of his own, or knows that his is not whole: short is never shown as
    // whole.
    expect([250_003, "another".length, ...(tooLong ? ["broken off"] : [])]).toContain((await follower).length);
  });

  it("get the whole of a page that is written at once and too long to keep", async () => {
    const release = barrier();
    const site = await openSite(adapter, {
      options: { ttl: 60, maxBody: 10 },
      handler: async () => {
        await release.opened;
        return { headers: { "Content-Type": "text/plain" }, body: "longer than ten bytes" };
      },
    });
    for (const { text } of await together(site, release.open)) expect(text).toBe("longer than ten bytes");
  });

  it("get each its own page when the one before them turns out to be for one client", async () => {
    const release = barrier();
    const site = await openSite(adapter, {
      handler: async () => {
        const turn = site.renders;
        await release.opened;
        return { headers: { "Set-Cookie": `id=${turn}` }, body: `for client ${turn}` };
      },
    });
    const answers = await together(site, release.open);
    const pairs = answers.map((answer) => `${answer.text} ${answer.header("set-cookie")}`);
    expect(new Set(pairs).size).toBe(VISITORS);
    for (const answer of answers) expect(answer.header("set-cookie")).toBe(`id=${/\d+$/.exec(answer.text)![0]}`);
  });

  it("do not queue again for a page that could not be shared a moment ago", async () => {
    const all = tally();
    const release = barrier();
    const site = await openSite(adapter, {
      handler: async ({ req }) => {
        if (req.url === "/" && site.renders > 1) {
          all.add();
          await release.opened;
        }
        return { headers: { "Cache-Control": "no-store" }, body: "x" };
      },
    });
    await site.visit("/");
    const answers = Promise.all(Array.from({ length: VISITORS }, () => site.visit("/")));
    // All of them stand in the handler at the same time.
    await all.reaches(VISITORS);
    release.open();
    expect((await answers).every(({ status }) => status === 200)).toBe(true);
  });

  it("get an answer each when the render fails", async () => {
    const release = barrier();
    const site = await openSite(adapter, {
      handler: async () => {
        await release.opened;
        throw new Error("down");
      },
    });
    const answers = await together(site, release.open);
    expect(answers.map(({ status }) => status)).toEqual(Array.from({ length: VISITORS }, () => 500));
    expect((await site.visit("/")).isHit).toBe(false);
  });

  it("share among those whose variant it is", async () => {
    const release = barrier();
    const site = await openSite(adapter, {
      handler: async ({ req }) => {
        await release.opened;
        return { headers: { Vary: "Accept-Language" }, body: String(req.headers["accept-language"]) };
      },
    });
    const languages = ["de", "en", "de", "en", "de", "en"];
    const answers = Promise.all(
      languages.map((language) => site.visit("/", { headers: { "accept-language": language } })),
    );
    while (site.renders === 0) await new Promise(setImmediate);
    release.open();
    expect((await answers).map(({ text }) => text)).toEqual(languages);
    expect(site.renders).toBeLessThanOrEqual(3);
  });

  it("go to the application themselves when the first one's answer does not begin in time", async () => {
    const release = barrier();
    const site = await openSite(adapter, {
      options: { ttl: 60, flight: { timeout: 0.05 } },
      handler: async () => {
        const turn = site.renders;
        if (turn === 1) await release.opened;
        return { body: `render ${turn}` };
      },
    });
    const first = site.visit("/");
    while (site.renders === 0) await new Promise(setImmediate);
    expect((await site.visit("/")).text).toBe("render 2");
    release.open();
    expect((await first).text).toBe("render 1");
  });
});

function held(until: Promise<void>, page: () => Page): () => Promise<Page> {
  return async () => {
    await until;
    return page();
  };
}

/** Lets everybody in, and the render go on once all the others wait for it. */
async function together(site: Site, release: () => void) {
  const answers = Promise.all(Array.from({ length: VISITORS }, () => site.visit("/")));
  await site.waiting(VISITORS - 1);
  release();
  return answers;
}

function brokenOff(): { readonly length: string } {
  return { length: "broken off" };
}

function opening(body: PassThrough): object {
  body.write("abc");
  return {};
}
