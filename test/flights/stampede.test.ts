/** What goes wrong elsewhere when many come at once for a page that is not there, each shown not to happen here. */
import { PassThrough } from "node:stream";
import { buffer } from "node:stream/consumers";
import { describe, expect, it } from "vitest";
import { ADAPTERS, TAPPED } from "../adapters/adapters.js";
import type { Handler } from "../adapters/adapters.js";
import { openRawSite, openSite } from "../adapters/site.js";
import type { Site } from "../adapters/site.js";
import { barrier } from "../support/barrier.js";
import { exchangeBytes } from "../support/visit.js";
import type { VisitOptions } from "../support/visit.js";

const VISITORS = 100;
const PLAIN = { "Content-Type": "text/plain" };

describe.each(ADAPTERS)("$name: a stampede", (adapter) => {
  it("costs one call of the handler, not one for each client", async () => {
    const release = barrier();
    const site = await openSite(adapter, {
      handler: async () => {
        await release.opened;
        return { headers: PLAIN, body: "one" };
      },
    });
    const answers = await together(site, VISITORS, release.open);
    expect([site.renders, new Set(answers.map(({ text }) => text))]).toEqual([1, new Set(["one"])]);
  });

  it.each([
    { given: "a buffer", body: () => Buffer.from("page") },
    { given: "a string", body: () => "page" },
    { given: "JSON", body: () => ({ page: true }) },
    { given: "nothing", body: () => "" },
    { given: "a stream", body: () => PassThrough.from([Buffer.from("pa"), Buffer.from("ge")]) },
  ])("gets its answers when the response is $given", async ({ body }) => {
    const release = barrier();
    const site = await openSite(adapter, {
      handler: async () => {
        await release.opened;
        return { headers: body() instanceof PassThrough ? PLAIN : {}, body: body() };
      },
    });
    const answers = await together(site, 10, release.open);
    const [first] = answers;
    expect(site.renders).toBe(1);
    for (const { status, text } of answers) expect([status, text]).toEqual([200, first!.text]);
  });

  it("hands no client the cookie of another, and lets all go to the application at the same time", async () => {
    const first = barrier();
    const rest = barrier();
    let inside = 0;
    const site = await openSite(adapter, {
      handler: async ({ req }) => {
        if (++inside === 1) await first.opened;
        else {
          if (inside === 10) rest.open(); // all of them stand in the handler together
          await rest.opened;
        }
        return { headers: { "Set-Cookie": `id=${String(req.headers["x-client"])}` }, body: "hello" };
      },
    });
    const visits = Array.from({ length: 10 }, (_, n) => site.visit("/", { headers: { "x-client": String(n) } }));
    await site.waiting(9);
    first.open();
    expect((await Promise.all(visits)).map((answer) => answer.header("set-cookie"))).toEqual(
      Array.from({ length: 10 }, (_, n) => `id=${n}`),
    );
  });

  it("finds a page that could not be shared as soon as it can be", async () => {
    const site = await openSite(adapter, {
      handler: () => ({ headers: site.renders > 3 ? {} : { "Cache-Control": "no-store" }, body: "page" }),
    });
    const hits: boolean[] = [];
    for (let n = 0; n < 6; n++) hits.push((await site.visit("/")).isHit);
    expect([hits, site.renders]).toEqual([[false, false, false, false, true, true], 4]);
  });

  it("sees no error and no 503 of the cache when the first render takes longer than anybody waits", async () => {
    const release = barrier();
    const site = await openSite(adapter, {
      options: { ttl: 60, flight: { timeout: 0.02 } },
      handler: async () => {
        if (site.renders === 1) await release.opened;
        return { body: `page` };
      },
    });
    const leader = site.visit("/");
    await rendering(site, 1);
    const followers = await Promise.all(Array.from({ length: 10 }, () => site.visit("/")));
    expect(followers.map(({ status }) => status)).toEqual(Array.from({ length: 10 }, () => 200));
    release.open();
    expect((await leader).status).toBe(200);
  });

  it("takes no more followers than it may; the rest go to the application", async () => {
    const release = barrier();
    const site = await openSite(adapter, {
      options: { ttl: 60, flight: { maxFollowers: 3 } },
      handler: async () => {
        await release.opened;
        return { body: "page" };
      },
    });
    const answers = Promise.all(Array.from({ length: 10 }, () => site.visit("/")));
    await rendering(site, 7);
    release.open();
    expect((await answers).every(({ text }) => text === "page")).toBe(true);
    expect(site.renders).toBe(7);
  });

  it("answers HEAD, conditions and ranges out of the one render", async () => {
    const release = barrier();
    const site = await openSite(adapter, {
      handler: async () => {
        await release.opened;
        return { headers: { ...PLAIN, ETag: '"1"', "Content-Length": "10" }, body: "0123456789" };
      },
    });
    const visits = [
      {},
      { method: "HEAD" },
      { headers: { "if-none-match": '"1"' } },
      { headers: { range: "bytes=2-4" } },
      { headers: { range: "bytes=20-" } },
      {},
    ] satisfies VisitOptions[];
    const first = site.visit("/", visits[0]);
    await rendering(site, 1);
    const others = Promise.all(visits.slice(1).map((visit) => site.visit("/", visit)));
    await site.waiting(visits.length - 1);
    release.open();
    expect((await first).text).toBe("0123456789");
    const answers = (await others).map(({ status, text }) => [status, text]);
    expect(answers).toEqual([
      [200, ""],
      [304, ""],
      [206, "234"],
      [416, ""],
      [200, "0123456789"],
    ]);
    expect(site.renders).toBe(1);
  });

  it("for several variants renders each of them once, at the same time", async () => {
    const release = barrier();
    let inside = 0;
    const handler: Handler = async ({ req }) => {
      if (++inside > 1 && req.url === "/known") {
        if (inside === 3) release.open(); // both variants are being rendered now
        await release.opened;
      }
      return { headers: { ...PLAIN, Vary: "Accept-Language" }, body: String(req.headers["accept-language"]) };
    };
    const site = await openSite(adapter, { handler });
    const ask = (language: string) => site.visit("/known", { headers: { "accept-language": language } });
    await ask("fr");
    const languages = ["de", "en", "de", "en", "de", "en"];
    const answers = await Promise.all(languages.map(ask));
    expect([answers.map(({ text }) => text), site.renders]).toEqual([languages, 3]);
  });

  it("is not joined by those who come after a purge of one of its tags", async () => {
    const release = barrier();
    const site = await openSite(adapter, {
      options: { ttl: 60, tags: ["t"] },
      handler: async () => {
        const turn = site.renders;
        if (turn === 1) await release.opened;
        return { headers: PLAIN, body: `render ${turn}` };
      },
    });
    const before = site.visit("/");
    await rendering(site, 1);
    await site.cache.purgeTag("t");
    const after = site.visit("/");
    await site.arrivals.reaches(2);
    release.open();
    expect([(await before).text, (await after).text]).toEqual(["render 1", "render 2"]);
    expect((await site.visit("/")).text).toBe("render 2");
  });

  it("breaks the connection of those whose page turns out cut short", async () => {
    const body = new PassThrough();
    body.on("error", () => {});
    const site = await openSite(adapter, { handler: () => ({ headers: PLAIN, body }) });
    body.write("beginning ");
    const leader = await site.begin("/");
    const follower = await site.begin("/");
    const ends = Promise.allSettled([buffer(leader), buffer(follower)]);
    body.destroy(new Error("torn"));
    // A pipe leaves its client waiting; it leaves, then.
    leader.destroy();
    expect((await ends)[1].status).toBe("rejected");
    expect((await site.cache.stats()).stored).toBe(0);
  });

  it("goes on when the one who began it leaves", async () => {
    const body = new PassThrough();
    const site = await openSite(adapter, { handler: () => ({ headers: PLAIN, body }) });
    body.write("first half, ");
    const leader = await site.begin("/");
    const follower = await site.begin("/");
    const whole = buffer(follower);
    leader.on("error", () => {}).destroy();
    await site.departures.reaches(1);
    await new Promise(setImmediate);
    body.write("second half");
    body.end();
    expect((await whole).toString()).toBe("first half, second half");
    expect([await site.visit("/").then(({ isHit }) => isHit), site.renders]).toEqual([true, 1]);
  });

  it("is answered in order on a connection that asks ahead", async () => {
    const site = await openSite(adapter, { handler: ({ req }) => ({ headers: PLAIN, body: `page ${req.url};` }) });
    const ask = (path: string, last = false) =>
      `GET ${path} HTTP/1.1\r\nHost: a\r\n${last ? "Connection: close\r\n" : ""}\r\n`;
    const bytes = await exchangeBytes(site.origin, ask("/x") + ask("/x") + ask("/y") + ask("/x", true));
    expect(bytes.match(/page \/[xy]/g)).toEqual(["page /x", "page /x", "page /y", "page /x"]);
    expect(site.renders).toBe(2);
  });
});

describe.each(ADAPTERS.filter(({ tapped, web }) => !tapped && web !== true))("$name: a leader", (adapter) => {
  it("whose stream breaks before its first byte leaves its place to a follower", async () => {
    const release = barrier();
    const site = await openSite(adapter, {
      handler: () => {
        if (site.renders > 1) return { headers: PLAIN, body: "page" };
        const body = new PassThrough();
        void release.opened.then(() => body.destroy(new Error("torn")));
        return { headers: PLAIN, body };
      },
    });
    // Koa 3 breaks the connection, Koa 2 answers 500.
    const leader = site.visit("/").then(
      ({ status }) => status,
      () => "broken off",
    );
    await rendering(site, 1);
    const followers = Promise.all(Array.from({ length: 5 }, () => site.visit("/")));
    await site.waiting(5);
    release.open();
    expect([500, "broken off"]).toContain(await leader);
    expect((await followers).every(({ text }) => text === "page")).toBe(true);
    expect(site.renders).toBe(2);
  });
});

describe.each(TAPPED)("$name: a leader", (adapter) => {
  it("that is destroyed leaves its place to a follower", async () => {
    const release = barrier();
    const site = await openRawSite(adapter, async (_req, res) => {
      if (site.renders > 1) return void res.end("page");
      await release.opened;
      res.destroy();
    });
    const leader = site.visit("/").catch(() => "broken off");
    await rendering(site, 1);
    const followers = Promise.all(Array.from({ length: 5 }, () => site.visit("/")));
    await site.waiting(5);
    release.open();
    expect(await leader).toBe("broken off");
    expect((await followers).every(({ text }) => text === "page")).toBe(true);
    expect(site.renders).toBe(2);
  });
});

/** Until the handler has been called so often; not for ever, so that a failure is one. */
async function rendering(site: Site, renders: number): Promise<void> {
  for (let turns = 0; site.renders < renders && turns < 100_000; turns++) await new Promise(setImmediate);
}

async function together(site: Site, visitors: number, release: () => void) {
  const answers = Promise.all(Array.from({ length: visitors }, () => site.visit("/")));
  await site.waiting(visitors - 1);
  release();
  return answers;
}
