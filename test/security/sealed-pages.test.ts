/** Pages under `secret` and `encrypt`, over sockets: whole, in parts, freshened, after a restart; and what a reader of
 * the disk sees of them. */
import { readFileSync } from "node:fs";
import { Readable } from "node:stream";
import { FileCache } from "@diskcache/core";
import type { DiskCacheOptions } from "@diskcache/core";
import { describe, expect, it, onTestFinished } from "vitest";
import { ADAPTERS } from "../adapters/adapters.js";
import type { Handler } from "../adapters/adapters.js";
import { openSite } from "../adapters/site.js";
import type { Site } from "../adapters/site.js";
import { filesBelow } from "../support/entry-files.js";
import { ManualClock } from "../support/manual-clock.js";
import { temporaryDirectory } from "../support/temporary-directory.js";
import { written } from "./crafted.js";

const SECRET = "correct horse battery staple";
const CANARY = "canary-7b02";
const HOST = { host: "canary-7b02.example" };
const LONG = Buffer.from(Array.from({ length: 700_000 }, (_, at) => at % 251));

const MODES: readonly {
  readonly mode: string;
  readonly sealing: Partial<DiskCacheOptions>;
  readonly readable: boolean;
}[] = [
  { mode: "sealed", sealing: { secret: SECRET }, readable: true },
  { mode: "encrypted", sealing: { secret: SECRET, encrypt: true }, readable: false },
];

const handler: Handler = ({ req }) => {
  const headers = { "Content-Type": "text/plain", ETag: '"v1"', "X-Canary": CANARY, "Cache-Tag": CANARY };
  if (req.headers["if-none-match"] === '"v1"') return { status: 304, headers };
  return req.url === "/long" ? { headers, body: Readable.from([LONG]) } : { headers, body: `<p>${CANARY}</p>` };
};

/** Asks for both pages until they come from the cache, and waits for the disk. */
async function keep(site: Site): Promise<void> {
  for (const target of ["/", "/long"]) while (!(await site.visit(target, { headers: HOST })).isHit);
  await written(site.cache);
}

describe.each(ADAPTERS)("$name: pages that are", (adapter) => {
  it.each(MODES)("$mode are served whole, in part and freshened, by the next process too", async (given) => {
    const { sealing, readable } = given;
    const clock = new ManualClock();
    const dir = temporaryDirectory();
    const open = () => openSite(adapter, { handler, options: { ttl: "1m", memory: 0, dir, clock, ...sealing } });
    const first = await open();
    await keep(first);
    await first.close();

    const second = await open();
    expect((await second.visit("/", { headers: HOST })).text).toBe(`<p>${CANARY}</p>`);
    const long = await second.visit("/long", { headers: HOST });
    expect([long.isHit, long.body.equals(LONG)]).toEqual([true, true]);
    const part = await second.visit("/long", { headers: { ...HOST, range: "bytes=300000-599999" } });
    expect([part.status, part.isHit, part.body.equals(LONG.subarray(300_000, 600_000))]).toEqual([206, true, true]);

    clock.advance(61);
    await keep(second);
    await second.close();
    const third = await open();
    const fresh = await third.visit("/long", { headers: HOST });
    expect([fresh.isHit, fresh.body.equals(LONG)]).toEqual([true, true]);
    expect((await third.visit("/", { headers: HOST })).isHit).toBe(true);
    expect([second.errors, third.errors, third.renders]).toEqual([[], [], 0]);

    const onDisk = filesBelow(dir)
      .map((file) => readFileSync(file, "latin1"))
      .join("");
    expect([onDisk.includes(CANARY), onDisk.includes(SECRET)]).toEqual([readable, false]);
  });

  it("sealed are misses for a process with another secret, or with none, and take no harm", async () => {
    const dir = temporaryDirectory();
    const clock = new ManualClock();
    const open = (sealing: Partial<DiskCacheOptions>) =>
      openSite(adapter, { handler, options: { ttl: "1m", memory: 0, dir, clock, ...sealing } });
    const owner = await open({ secret: SECRET });
    const strangers = [await open({}), await open({ secret: "another secret of somebody" })];
    for (const stranger of strangers) {
      await owner.visit("/", { headers: HOST });
      await written(owner.cache);
      expect(await stranger.visit("/", { headers: HOST })).toMatchObject({ status: 200, isHit: false });
      expect(stranger.errors).toEqual([expect.objectContaining({ code: "ERR_DISKCACHE_CORRUPT_ENTRY" })]);
      await written(stranger.cache);
      expect(await owner.visit("/", { headers: HOST })).toMatchObject({ status: 200, isHit: false });
    }
  });
});

describe("values that are", () => {
  it.each(MODES)("$mode are got back by the next process, and by none without the secret", async (given) => {
    const dir = temporaryDirectory();
    const { secret = "", encrypt = false } = given.sealing;
    const open = (options: object) => {
      const cache = new FileCache({ dir, ...options });
      onTestFinished(() => cache.close());
      return cache;
    };
    const bytes = Buffer.concat([Buffer.from(CANARY), LONG]);
    const value = { text: CANARY };
    const first = open({ secret, encrypt });
    await first.set(CANARY, value, { tags: [CANARY] });
    await first.set("bytes", bytes);
    const onDisk = filesBelow(dir)
      .map((file) => readFileSync(file, "latin1"))
      .join("");
    expect(onDisk.includes(CANARY)).toBe(given.readable);
    const next = open({ secret: ["a newer secret of ours", secret].flat(), encrypt });
    expect(await next.get(CANARY)).toEqual(value);
    expect(bytes.equals((await next.get<Buffer>("bytes"))!)).toBe(true);
    expect(await open({}).get(CANARY)).toBeUndefined();
  });
});
