/** A client that does not take its page holds up neither the handler nor those who read along, whatever becomes of the
 * disk; and what waits for it in memory is bounded. */
import { once } from "node:events";
import fs from "node:fs";
import type { IncomingMessage } from "node:http";
import type { Socket } from "node:net";
import { Readable } from "node:stream";
import { describe, expect, it, vi } from "vitest";
import { EVERY_ADAPTER } from "../adapters/adapters.js";
import { openSite } from "../adapters/site.js";
import { barrier } from "../support/barrier.js";

const PLAIN = { "Content-Type": "text/plain" };
const PIECE = Buffer.alloc(65_536, "x");
/** More than the kernel usually takes for a client that does not read. */
const PIECES = 128;
const WHOLE = PIECES * PIECE.length;
/** More than it takes together with all that is kept in memory for those who are behind. */
const MANY_PIECES = 400;
const OPTIONS = { ttl: 60, maxBody: "64mb" } as const;
/** Within what is kept in memory for those who read along. */
const CLOSE_BYTES = 1024 * 1024;
/** What may wait for one client: a piece, and what its stream and its response hold. */
const MOST_WAITING = 512 * 1024;

/** A long body, the first piece of it at once and the others when the barrier is open.
 * @param due waited for before each piece */
function longBody(opened?: Promise<void>, count = PIECES, due?: (bytes: number) => Promise<void>): Readable {
  const pieces = async function* () {
    for (let n = 0; n < count; n++) {
      if (n === 1) await opened;
      await due?.(n * PIECE.length);
      yield PIECE;
    }
  };
  return Readable.from(pieces(), { objectMode: false });
}

async function bytesOf(message: IncomingMessage, read: (bytes: number) => void = () => {}): Promise<number> {
  let bytes = 0;
  for await (const chunk of message) read((bytes += (chunk as Buffer).length));
  return bytes;
}

/** Lets a body go on only while all its readers are close behind. */
class InStep {
  readonly #read: number[];
  #wake = (): void => {};

  constructor(readers: number) {
    this.#read = Array<number>(readers).fill(0);
  }

  reader(index: number): (bytes: number) => void {
    return (bytes) => {
      this.#read[index] = bytes;
      this.#wake();
    };
  }

  async until(bytes: number): Promise<void> {
    while (Math.min(...this.#read) < bytes - CLOSE_BYTES) await new Promise<void>((resolve) => (this.#wake = resolve));
  }
}

describe.each(EVERY_ADAPTER)("$name: a client that does not read", (adapter) => {
  it("and came first does not hold up those who read along", async () => {
    const site = await openSite(adapter, { options: OPTIONS, handler: () => ({ headers: PLAIN, body: longBody() }) });
    const stored = new Promise((resolve) => site.cache.on("stored", resolve));
    const leader = await site.begin("/");
    expect(await site.begin("/").then(bytesOf)).toBe(WHOLE);
    expect(await stored).toMatchObject({ bytes: WHOLE });
    expect([await bytesOf(leader), site.renders]).toEqual([WHOLE, 1]);
  });

  it("and is alone does not keep the page from being stored", async () => {
    const site = await openSite(adapter, { options: OPTIONS, handler: () => ({ headers: PLAIN, body: longBody() }) });
    const stored = new Promise((resolve) => site.cache.on("stored", resolve));
    const leader = await site.begin("/");
    expect(await stored).toMatchObject({ bytes: WHOLE });
    expect(await bytesOf(leader)).toBe(WHOLE);
  });

  it("and wants a part gets it when he does read", async () => {
    const site = await openSite(adapter, {
      options: OPTIONS,
      handler: () => ({ headers: { ...PLAIN, "Content-Length": String(WHOLE) }, body: longBody() }),
    });
    const stored = new Promise((resolve) => site.cache.on("stored", resolve));
    const leader = await site.begin("/", { headers: { range: "bytes=10-" } });
    await stored;
    expect([leader.statusCode, await bytesOf(leader)]).toEqual([206, WHOLE - 10]);
  });

  it("and leaves takes nothing from the others", async () => {
    const release = barrier();
    const site = await openSite(adapter, {
      options: OPTIONS,
      handler: () => ({ headers: PLAIN, body: longBody(release.opened) }),
    });
    const leader = await site.begin("/");
    const followers = await Promise.all([site.begin("/"), site.begin("/"), site.begin("/")]);
    const [staying, ...leaving] = followers;
    for (const follower of leaving) follower.on("error", () => {}).destroy();
    const whole = Promise.all([bytesOf(leader), bytesOf(staying)]);
    release.open();
    expect([await whole, site.renders]).toEqual([[WHOLE, WHOLE], 1]);
  });

  it("has no more than a piece of a long body waiting for him in memory", async () => {
    const sockets: Socket[] = [];
    const release = barrier();
    const site = await openSite(adapter, {
      options: OPTIONS,
      handler: ({ req }) => {
        const { server } = req.socket as Socket & { server: NodeJS.EventEmitter };
        server.on("connection", (socket: Socket) => sockets.push(socket));
        return { headers: PLAIN, body: longBody(release.opened) };
      },
    });
    const leader = await site.begin("/");
    const followers = await Promise.all(Array.from({ length: 5 }, () => site.begin("/")));
    let most = 0;
    leader.on("data", () => (most = Math.max(most, ...sockets.map(({ writableLength }) => writableLength))));
    release.open();
    await once(leader, "end");
    expect([sockets.length, most < MOST_WAITING]).toEqual([followers.length, true]);
    expect(await Promise.all(followers.map((follower) => bytesOf(follower)))).toEqual(followers.map(() => WHOLE));
  });
});

describe.each(EVERY_ADAPTER)("$name: a disk that fails in the middle of a page", (adapter) => {
  async function failing(pieces = PIECES, due?: (bytes: number) => Promise<void>) {
    const release = barrier();
    const site = await openSite(adapter, {
      options: OPTIONS,
      handler: () => ({ headers: PLAIN, body: longBody(release.opened, pieces, due) }),
    });
    const leader = await site.begin("/");
    const follower = await site.begin("/");
    let writes = 0;
    const { writev } = fs;
    vi.spyOn(fs, "writev").mockImplementation((...given: Parameters<typeof writev>) => {
      const done = given.at(-1) as unknown as (error: Error) => void;
      if (++writes > 2) done(Object.assign(new Error("EIO"), { code: "EIO" }));
      else Reflect.apply(writev, fs, given);
    });
    return { site, leader, follower, release };
  }

  it("takes nothing from those who keep up: they go on from memory", async () => {
    const inStep = new InStep(2);
    const { site, leader, follower, release } = await failing(PIECES, (bytes) => inStep.until(bytes));
    const refused = new Promise((resolve) => site.cache.on("not-stored", resolve));
    const whole = Promise.all([bytesOf(leader, inStep.reader(0)), bytesOf(follower, inStep.reader(1))]);
    release.open();
    expect(await whole).toEqual([WHOLE, WHOLE]);
    // The last of it may reach the disk, and fail there, only after everybody has his page.
    expect(await refused).toMatchObject({ reason: "store" });
    expect([site.renders, (await site.cache.stats()).stored]).toEqual([1, 0]);
  });

  it("breaks the connection of whoever is far behind, rather than end a short page as if it were whole", async () => {
    const { leader, follower, release } = await failing(MANY_PIECES);
    release.open();
    expect(await bytesOf(leader)).toBe(MANY_PIECES * PIECE.length);
    await expect(bytesOf(follower)).rejects.toThrow();
  });

  it("takes nothing from the client that came first, however slow it is", async () => {
    const { site, leader, follower, release } = await failing();
    const fast = bytesOf(follower).catch(() => "broken off");
    const refused = new Promise((resolve) => site.cache.on("error", resolve));
    release.open();
    await refused;
    expect(await bytesOf(leader)).toBe(WHOLE);
    expect([WHOLE, "broken off"]).toContain(await fast);
  });
});

describe.each(EVERY_ADAPTER)("$name: a disk that does not give back what it has taken", (adapter) => {
  it("breaks the connection of a client that was left behind, and of nobody else", async () => {
    const release = barrier();
    const site = await openSite(adapter, {
      options: OPTIONS,
      handler: () => ({ headers: PLAIN, body: longBody(release.opened) }),
    });
    const stored = new Promise((resolve) => site.cache.on("stored", resolve));
    const leader = await site.begin("/");
    const reading = vi.spyOn(fs, "read").mockImplementation((...given: unknown[]) => {
      (given.at(-1) as (error: Error) => void)(Object.assign(new Error("EIO"), { code: "EIO" }));
    });
    release.open();
    expect(await stored).toMatchObject({ bytes: WHOLE });
    await expect(bytesOf(leader)).rejects.toThrow();
    expect(reading).toHaveBeenCalled();
    reading.mockRestore();
    const next = await site.visit("/");
    expect([next.isHit, next.body.length, site.renders]).toEqual([true, WHOLE, 1]);
  });
});
