/** A page that is rendered, and on its way to its place on the disk: those who come meanwhile have it at once, and
 * nothing is rendered twice. */
import fs from "node:fs";
import type { DiskCacheOptions } from "@diskcache/core";
import { describe, expect, it, onTestFinished, vi } from "vitest";
import { ADAPTERS, ANSWERED, TAPPED } from "../adapters/adapters.js";
import type { Page } from "../adapters/adapters.js";
import { openSite } from "../adapters/site.js";
import type { Site } from "../adapters/site.js";
import { barrier, tally } from "../support/barrier.js";

const PLAIN = { "Content-Type": "text/plain" };
/** Too long for memory. */
const LONG = Buffer.alloc(200_000, "abcdefghij");
const VARYING = { ...PLAIN, Vary: "Accept-Language" };
const ENGLISH = { headers: { "Accept-Language": "en" } };

type Done = (error: Error | null) => void;

/** Holds the moment in which a file is given its name. */
function holdNaming() {
  const { rename } = fs;
  const held: unknown[][] = [];
  const reached = tally();
  const spy = vi.spyOn(fs, "rename").mockImplementation((...given: unknown[]) => {
    held.push(given);
    reached.add();
  });
  const goOn = (): void => {
    spy.mockRestore();
    for (const given of held.splice(0)) Reflect.apply(rename, fs, given);
  };
  const fail = (): void => {
    spy.mockRestore();
    const error = Object.assign(new Error("EIO: rename"), { code: "EIO" });
    for (const given of held.splice(0)) (given.at(-1) as Done)(error);
  };
  onTestFinished(goOn);
  return { reached, goOn, fail };
}

interface Kind {
  readonly given: string;
  readonly headers: Record<string, string>;
  readonly options?: Partial<DiskCacheOptions>;
}

const KINDS: readonly Kind[] = [
  { given: "a page", headers: PLAIN },
  { given: "a variant", headers: VARYING },
  { given: "an encrypted page", headers: PLAIN, options: { ttl: "5m", secret: "a".repeat(32), encrypt: true } },
];

describe.each(TAPPED)("$name: a long response that ends in the turn in which it begins", (adapter) => {
  async function followed(options: Partial<DiskCacheOptions>, meanwhile: (site: Site) => unknown) {
    const release = barrier();
    const site = await openSite(adapter, {
      options: { ttl: "5m", ...options },
      handler: async ({ res }) => {
        await release.opened;
        res.writeHead(200, { ...PLAIN, ...VARYING });
        for (let at = 0; at < LONG.length; at += 50_000) res.write(LONG.subarray(at, at + 50_000));
        res.end();
        return ANSWERED;
      },
    });
    const first = site.visit("/", ENGLISH);
    await site.arrivals.reaches(1);
    const follower = site.visit("/", ENGLISH);
    await site.waiting(1);
    await meanwhile(site);
    release.open();
    return { site, answers: [await first, await follower] };
  }

  it.each([
    {
      given: "a purge has named it meanwhile",
      options: {},
      meanwhile: (site: Site) => site.cache.purge("/"),
      renders: 1,
    },
    // Its beginning is gone when they come.
    { given: "it is longer than may be kept", options: { maxBody: "120kb" }, meanwhile: () => {}, renders: 2 },
  ])("reaches those who have waited for it when $given", async ({ options, meanwhile, renders }) => {
    const { site, answers } = await followed(options, meanwhile);
    expect([site.renders, ...answers.map(({ body }) => body.equals(LONG))]).toEqual([renders, true, true]);
  });
});

describe.each(ADAPTERS)("$name: while a long response is on its way to its place", (adapter) => {
  it.each(KINDS)("those who ask for $given have it at once, from one render", async ({ headers, options }) => {
    const site = await openSite(adapter, { ...(options && { options }), handler: () => ({ headers, body: LONG }) });
    const naming = holdNaming();
    const first = await site.visit("/", ENGLISH);
    await naming.reached.reaches(1);
    const [get, head] = [await site.visit("/", ENGLISH), await site.visit("/", { ...ENGLISH, method: "HEAD" })];
    const part = await site.visit("/", { headers: { ...ENGLISH.headers, Range: "bytes=10-14" } });
    const tag = { "If-None-Match": first.header("etag") ?? get.header("etag")! };
    const same = await site.visit("/", { headers: { ...ENGLISH.headers, ...tag } });
    expect([get.status, get.body.equals(LONG), get.header("content-length")]).toEqual([200, true, "200000"]);
    expect([head.status, head.header("content-length"), part.status, part.text, same.status]).toEqual([
      200,
      "200000",
      206,
      "abcde",
      304,
    ]);
    expect(site.renders).toBe(1);
    const stored = new Promise((resolve) => site.cache.on("stored", resolve));
    naming.goOn();
    await stored;
    const later = await site.visit("/", ENGLISH);
    expect([later.isHit, later.body.equals(LONG), site.renders]).toEqual([true, true, 1]);
  });

  it.each(KINDS)("those who read $given lose nothing when it does not arrive there", async ({ headers, options }) => {
    const site = await openSite(adapter, { ...(options && { options }), handler: () => ({ headers, body: LONG }) });
    const naming = holdNaming();
    await site.visit("/", ENGLISH);
    await naming.reached.reaches(1);
    const refused = new Promise((resolve) => site.cache.on("not-stored", resolve));
    const reading = await site.begin("/", ENGLISH);
    naming.fail();
    await refused;
    const pieces: Buffer[] = [];
    for await (const piece of reading) pieces.push(piece as Buffer);
    expect([Buffer.concat(pieces).equals(LONG), site.renders]).toEqual([true, 1]);
    expect([(await site.visit("/", ENGLISH)).isHit, site.renders]).toEqual([false, 2]);
  });

  it.each(KINDS)("a purge of $given is one for those who come after it", async ({ headers, options }) => {
    const site = await openSite(adapter, {
      ...(options && { options }),
      handler: () => ({ headers, body: Buffer.concat([Buffer.from(`${site.renders}`), LONG]) }),
    });
    const naming = holdNaming();
    await site.visit("/", ENGLISH);
    await naming.reached.reaches(1);
    await site.cache.purge("/");
    const after = await site.visit("/", ENGLISH);
    expect([after.text[0], after.body.length, site.renders]).toEqual(["2", LONG.length + 1, 2]);
  });

  it("those who want it freshened ask the application once", async () => {
    const answers: Page[] = [
      { headers: { ...PLAIN, ETag: '"1"', "Cache-Control": "max-age=60" }, body: LONG },
      { status: 304, headers: { ETag: '"1"', "Cache-Control": "max-age=60" } },
    ];
    const site = await openSite(adapter, { handler: () => answers[Math.min(site.renders, 2) - 1]! });
    const stored = new Promise((resolve) => site.cache.on("stored", resolve));
    await site.visit("/");
    await stored;
    site.clock.advance(61);
    const naming = holdNaming();
    await site.visit("/");
    const freshened = await site.visit("/");
    await naming.reached.reaches(1);
    const again = await site.visit("/");
    expect([freshened.body.equals(LONG), again.body.equals(LONG), site.renders]).toEqual([true, true, 2]);
  });
});
