/** Pages that machines share over an engine in memory. */
import { describe, expect, it, onTestFinished, vi } from "vitest";
import { wholeBody } from "../../packages/core/src/store/contract.js";
import type { KeyLock } from "../../packages/core/src/store/contract.js";
import type { ArrivingEntry } from "../../packages/core/src/tier/arriving-entry.js";
import { DiskStore } from "../../packages/core/src/store/disk-store.js";
import { nameOf } from "../../packages/core/src/tier/shared-bytes.js";
import { SharedLocks } from "../../packages/core/src/tier/shared-locks.js";
import type { TieredStore } from "../../packages/core/src/tier/tiered-store.js";
import { LEASE_MS, World } from "./world.js";
import type { Process } from "./world.js";

const PIECE_BYTES = 262_144;
const PAGES = { pages: {} } as const;
const SEALED = { ...PAGES, secrets: [Buffer.alloc(32, 1)] } as const;

function opened(): World {
  const world = new World();
  onTestFinished(() => world.close());
  return world;
}

async function joined(world: World, count: number, options: Parameters<World["process"]>[2] = PAGES) {
  const machines = Array.from({ length: count }, () => world.process(world.directory(), {}, options));
  await world.settle();
  return machines as [Process, Process, ...Process[]];
}

/** Stored by it, and given to the others. */
async function rendered(world: World, machine: Process, text: string, tags: readonly string[] = ["t"]): Promise<void> {
  machine.fill("/x", text, tags);
  await world.time.advance(20);
}

const got = (world: World, machine: Process, key = "/x"): Promise<string | undefined> =>
  world.time.until(machine.get(key));

describe("machines that share pages", () => {
  it("answer with what another one has rendered, and from then on from their own disk", async () => {
    const world = opened();
    const [a, b] = await joined(world, 2);
    await rendered(world, a, "page");
    expect(await got(world, b)).toBe("page");
    b.line.state = "cut";
    expect(await got(world, b)).toBe("page");
    expect(b.store.stats().tier?.pages).toMatchObject({ hits: 1 });
    expect(a.store.stats().tier?.pages).toMatchObject({ puts: 1 });
  });

  it("have what a machine rendered that is gone, also when they join later", async () => {
    const world = opened();
    const [a] = await joined(world, 1);
    await world.time.until(a.purgeTag("other"));
    await rendered(world, a, "page");
    await world.time.until(a.purgeTag("another"));
    await world.time.until(a.store.close());
    const late = world.process(world.directory(), {}, PAGES);
    await world.settle();
    expect(await got(world, late)).toBe("page");
  });

  it.each([
    { purge: "by its own machine", by: 0 },
    { purge: "by another machine", by: 1 },
    { purge: "by a third machine", by: 2 },
  ])("use nothing that was purged $purge", async ({ by }) => {
    const world = opened();
    const machines = await joined(world, 3);
    await rendered(world, machines[0], "old");
    await world.time.until(machines[by]!.purgeTag("t"));
    for (const machine of machines) expect(await got(world, machine)).toBeUndefined();
  });

  it("use nothing that a purge names which has its number only later", async () => {
    const world = opened();
    const [a, b, c] = await joined(world, 3);
    const [old] = [a.store.positionNow()];
    // By a process that shares nothing itself: it is passed on later.
    const plain = new DiskStore<string>({ ...b.options, sharing: undefined });
    onTestFinished(() => plain.close());
    await plain.purge([{ kind: "tag", tag: "t" }], { soft: false });
    // Meanwhile the chain goes on, and a page is begun that knows as much.
    await world.time.until(c!.purgeTag("other"));
    expect(a.store.positionNow()).toBeGreaterThan(old);
    await rendered(world, a, "old");
    expect(await got(world, b)).toBeUndefined();
    await world.settle();
    expect(b.store.stats().tier?.unpublished).toBe(0);
    expect(await got(world, b)).toBeUndefined();
    expect(await got(world, c!)).toBeUndefined();
  });

  it("use what was rendered after a purge", async () => {
    const world = opened();
    const [a, b] = await joined(world, 2);
    await rendered(world, a, "old");
    await world.time.until(b.purgeTag("t"));
    await rendered(world, a, "new");
    expect(await got(world, b)).toBe("new");
  });

  it("do not use what was begun before a purge and given after it", async () => {
    const world = opened();
    const [a, b, c] = await joined(world, 3);
    const birth = a.store.positionNow();
    const line = a.line;
    line.state = "cut";
    await world.time.until(b.purgeTag("t"));
    // It has not heard of the purge, and gives what it began before.
    line.state = "open";
    a.store.put(a.head("/x", ["t"], birth), Buffer.from("old"));
    for (let ms = 0; ms < LEASE_MS * 3; ms += 50) {
      await world.time.advance(50);
      for (const machine of [a, b, c!]) expect(await got(world, machine)).toBeUndefined();
    }
  });

  it("keep as stale what was softly purged after it was rendered", async () => {
    const world = opened();
    const [a, b, c] = await joined(world, 3);
    await rendered(world, a, "page");
    await world.time.until(b.store.purge([{ kind: "tag", tag: "t" }], { soft: true }));
    expect(await got(world, c!)).toBe("page (stale)");
  });

  it("take over nothing while they have been without contact for half a lease", async () => {
    const world = opened();
    const [a, b] = await joined(world, 2);
    await rendered(world, a, "page");
    // Only the chain is out of reach: pages could be asked for.
    b.store.directory!.relay.release();
    const beats = b.line;
    beats.deafTo = "beats";
    await world.time.advance(LEASE_MS * 0.7);
    expect(b.store.directory!.contactAgeMs()).toBeLessThan(LEASE_MS);
    expect(await got(world, b)).toBeUndefined();
  });

  it("use nothing of a chain that was lost", async () => {
    const world = opened();
    const [a, b] = await joined(world, 2);
    const copy = world.server.copy();
    await world.time.until(a.purgeTag("first"));
    await rendered(world, a, "page of a lost branch");
    copy.pages = world.server.pages;
    world.moveTo(copy);
    // Another branch, on which a purge got the number that the page was born at.
    b.fill("/y", "y", ["u"]);
    await world.time.until(b.purgeTag("t"), LEASE_MS * 20);
    await world.settle();
    expect(await got(world, b)).toBeUndefined();
  });

  it("put nothing in the place of what was begun later", async () => {
    const world = opened();
    const [a, b, c] = await joined(world, 3);
    const birth = a.store.positionNow();
    await world.time.until(b.purgeTag("other"));
    await rendered(world, b, "later");
    a.store.put(a.head("/x", ["t"], birth), Buffer.from("earlier"));
    await world.time.advance(20);
    expect(await got(world, c!)).toBe("later");
  });

  it("do not bring back what was dropped on one of them", async () => {
    const world = opened();
    const [a, b] = await joined(world, 2);
    await rendered(world, a, "page");
    a.store.removeForAll(a.head("/x", [], 0));
    await world.time.advance(20);
    expect(await got(world, a)).toBeUndefined();
    expect(await got(world, b)).toBeUndefined();
  });

  it("know how old a page is, whatever their clocks say", async () => {
    const world = opened();
    const ahead = { now: () => Date.now() + 3_600_000 };
    const [a] = await joined(world, 1);
    const b = world.process(world.directory(), {}, { ...PAGES, clock: ahead });
    await world.settle();
    await rendered(world, a, "page");
    const entry = await world.time.until(Promise.resolve(b.store.get("/x")));
    expect(ahead.now() - entry!.head.storedAt).toBeLessThan(5_000);
  });

  it("find a newer one elsewhere when they look for the latest", async () => {
    const world = opened();
    const clock = { now: () => world.time.wall() };
    const [a, b] = await joined(world, 2, { ...PAGES, clock });
    const render = async (text: string): Promise<void> => {
      a.store.put({ ...a.head("/x", ["t"], a.store.positionNow()), storedAt: clock.now() }, Buffer.from(text));
      await world.time.advance(200);
    };
    await render("first");
    expect(String((await world.time.until(Promise.resolve(b.store.getLatest("/x"))))?.body)).toBe("first");
    await render("second");
    const latest = await world.time.until(Promise.resolve(b.store.getLatest("/x")));
    expect(String(latest?.body)).toBe("second");
  });
});

describe("sealed pages that machines share", () => {
  it("are found by machines with the secret, and by no others", async () => {
    const world = opened();
    const [a, b] = await joined(world, 2, SEALED);
    const other = world.process(world.directory(), {}, { ...PAGES, secrets: [Buffer.alloc(32, 2)] });
    await world.settle();
    await rendered(world, a, "page");
    expect(await got(world, b)).toBe("page");
    expect(await got(world, other)).toBeUndefined();
  });

  it("say nothing to a reader of the engine where they are encrypted", async () => {
    const world = opened();
    const [a, b] = await joined(world, 2, { ...SEALED, encrypt: true });
    await rendered(world, a, "a private matter");
    const kept = [...world.server.pages.values()].map(({ bytes }) => bytes.toString("latin1")).join();
    expect(kept).not.toContain("private");
    expect(kept).not.toContain("/x");
    expect(await got(world, b)).toBe("a private matter");
  });

  it.each([
    { forged: "under another name", forge: (bytes: Buffer) => bytes, name: "/y" },
    {
      forged: "with a byte changed",
      forge: (bytes: Buffer) => Buffer.concat([bytes.subarray(0, -40), Buffer.from([1]), bytes.subarray(-39)]),
      name: "/x",
    },
    {
      forged: "as if it were born later",
      forge: (bytes: Buffer) => {
        const later = Buffer.from(bytes);
        later.writeBigUInt64BE(later.readBigUInt64BE(8) + 1n, 8);
        return later;
      },
      name: "/x",
    },
  ])("are not used $forged", async ({ forge, name }) => {
    const world = opened();
    const [a, b] = await joined(world, 2, SEALED);
    await rendered(world, a, "page");
    const { bytes, untilMs } = world.server.pages.get(nameOf("/x"))!;
    world.server.pages.set(nameOf(name), { bytes: forge(bytes), untilMs });
    expect(await got(world, b, name)).toBeUndefined();
  });
});

describe.each([
  { sealed: "plain", options: PAGES },
  { sealed: "sealed", options: SEALED },
])("a long $sealed page that machines share", ({ options }) => {
  const text = (pieces: number): Buffer => Buffer.from("0123456789abcdef".repeat((PIECE_BYTES / 16) * pieces + 10));

  async function long(world: World, pieces: number): Promise<readonly [Process, Process, Buffer]> {
    const [a, b] = await joined(world, 2, { ...options, maxBody: 1 << 26 });
    const body = text(pieces);
    const writer = a.store.create("/x")!;
    writer.write(body);
    await world.time.until(writer.commit(a.head("/x", ["t"], a.store.positionNow())));
    while (a.store.stats().tier?.pages?.puts !== 1) await world.time.advance(5);
    return [a, b, body];
  }

  it("is the same on another machine, and lies on its disk then", async () => {
    const world = opened();
    const [, b, body] = await long(world, 5);
    const entry = await world.time.until(Promise.resolve(b.store.get("/x")));
    expect(entry?.body).toBeUndefined();
    const read = await world.time.until(wholeBody(entry!));
    expect(read?.equals(body)).toBe(true);
    await world.time.until((entry as ArrivingEntry<string>).over);
    b.line.state = "cut";
    const stored = await world.time.until(Promise.resolve(b.store.get("/x")));
    expect((await wholeBody(stored!))?.equals(body)).toBe(true);
  });

  it("is stale while it arrives, and afterwards, when it was softly purged", async () => {
    const world = opened();
    const [, b] = await long(world, 5);
    await world.time.until(b.store.purge([{ kind: "tag", tag: "t" }], { soft: true }));
    await world.settle();
    const entry = await world.time.until(Promise.resolve(b.store.get("/x")));
    expect(entry?.softPurged).toBe(true);
  });

  it("is read by several at once while it arrives, by each from its beginning", async () => {
    const world = opened();
    const [, b, body] = await long(world, 9);
    const first = await world.time.until(Promise.resolve(b.store.get("/x")));
    const second = await world.time.until(Promise.resolve(b.store.get("/x")));
    const read = await world.time.until(Promise.all([wholeBody(first!), wholeBody(second!)]));
    expect(read.map((bytes) => bytes?.equals(body))).toEqual([true, true]);
    await world.time.until((first as ArrivingEntry<string>).over);
    const late = await world.time.until(wholeBody(first!));
    expect(late?.equals(body)).toBe(true);
  });

  it("is not found when a piece has gone", async () => {
    const world = opened();
    const [, b] = await long(world, 5);
    const [piece] = [...world.server.pages.keys()].filter((name) => name.endsWith(":3"));
    world.server.pages.delete(piece!);
    expect(await world.time.until(Promise.resolve(b.store.get("/x")))).toBeUndefined();
  });

  it("ends in an error, and is not kept, when a piece goes on the way or is damaged", async () => {
    const world = opened();
    const [, b] = await long(world, 9);
    const [piece] = [...world.server.pages.keys()].filter((name) => name.endsWith(":8"));
    const { bytes, untilMs } = world.server.pages.get(piece!)!;
    world.server.pages.set(piece!, { bytes: Buffer.concat([bytes.subarray(1), Buffer.from("!")]), untilMs });
    const entry = await world.time.until(Promise.resolve(b.store.get("/x")));
    const reading = wholeBody(entry!);
    reading.catch(() => undefined);
    await world.time.advance(200);
    await expect(reading).rejects.toThrow("gone or damaged");
    world.server.pages.clear();
    expect(await world.time.until(Promise.resolve(b.store.get("/x")))).toBeUndefined();
  });
});

describe("machines that render a page once", () => {
  const making = { making: { scope: "", name: "/x", birth: 0 } };
  const locked = async (world: World, machine: Process): Promise<KeyLock | "held" | undefined> =>
    world.time.until(Promise.resolve((machine.store as TieredStore<string>).lockEverywhere("/x", making)));
  const lockOf = (found: KeyLock | "held" | undefined): KeyLock => {
    expect(found).toBeTypeOf("object");
    return found as KeyLock;
  };

  it("wait for the one that is at it, and have the page then", async () => {
    const world = opened();
    const [a, b] = await joined(world, 2);
    const lock = lockOf(await locked(world, a));
    expect(await locked(world, b)).toBe("held");
    let isOver = false;
    const waiting = b.store.released("/x", 60_000).then((end) => {
      isOver = true;
      return end;
    });
    await world.time.advance(20_000);
    expect(isOver).toBe(false);
    a.fill("/x", "page", ["t"]);
    lock.release();
    const since = world.time.steady();
    expect(await world.time.until(waiting)).toBe("over");
    expect(world.time.steady() - since).toBeLessThan(60);
    expect(await got(world, b)).toBe("page");
  });

  it("wait for another machine also where a process of their own has waited for it before them", async () => {
    const world = opened();
    const [a, b] = await joined(world, 2);
    const beside = world.process(b.dir, {}, PAGES);
    await world.settle();
    const lock = lockOf(await locked(world, a));
    const taking = locked(world, b);
    expect(beside.store.lock("/x")).toBe("held");
    const lookingElsewhere = vi.spyOn(SharedLocks.prototype, "released");
    onTestFinished(() => lookingElsewhere.mockRestore());
    let isOver = false;
    const waiting = beside.store.released("/x", 60_000).then((end) => {
      isOver = true;
      return end;
    });
    expect(await taking).toBe("held");
    while (lookingElsewhere.mock.calls.length === 0 && !isOver) await world.time.advance(20);
    await world.time.advance(20_000);
    expect(isOver).toBe(false);
    a.fill("/x", "page", ["t"]);
    lock.release();
    expect(await world.time.until(waiting)).toBe("over");
    expect(await got(world, beside)).toBe("page");
  });

  it("are told that it was given up when the one that was at it is gone", async () => {
    const world = opened();
    const [a, b] = await joined(world, 2);
    await locked(world, a);
    a.line.state = "cut";
    expect(await locked(world, b)).toBe("held");
    expect(await world.time.until(b.store.released("/x", 60_000))).toBe("abandoned");
    lockOf(await locked(world, b)).release();
  });

  it("wait no longer than they are told to", async () => {
    const world = opened();
    const [a, b] = await joined(world, 2);
    const lock = lockOf(await locked(world, a));
    await locked(world, b);
    const since = world.time.steady();
    expect(await world.time.until(b.store.released("/x", 700))).toBe("over");
    expect(world.time.steady() - since).toBeLessThan(750);
    lock.release();
  });

  it("do not wait for what was begun before a purge", async () => {
    const world = opened();
    const [a, b] = await joined(world, 2);
    const lock = lockOf(await locked(world, a));
    await world.time.until(b.store.purge([{ kind: "name", name: "/x", scope: undefined }], { soft: false }));
    expect(await locked(world, b)).not.toBe("held");
    lock.release();
  });

  it("do not wait for a lock that was taken too late to be of use", async () => {
    const world = opened();
    const [a, b] = await joined(world, 2);
    a.line.slowMs = 150;
    expect(await locked(world, a)).not.toBe("held");
    a.line.slowMs = 0;
    await world.time.advance(400);
    lockOf(await locked(world, b)).release();
  });

  it("neither look for nor wait for what is not shared", async () => {
    const world = opened();
    const [a, b] = await joined(world, 2);
    a.fill("/own", "page", []);
    await world.time.advance(20);
    expect(b.store.get("/own")).toBeUndefined();
    expect((b.store as TieredStore<string>).lockEverywhere("/own")).not.toBeInstanceOf(Promise);
    expect(a.store.stats().tier?.pages).toMatchObject({ puts: 0, skippedPuts: 0 });
  });

  it("render by themselves where the engine is away", async () => {
    const world = opened();
    const [a, b] = await joined(world, 2);
    const lock = lockOf(await locked(world, a));
    b.line.state = "cut";
    expect(await locked(world, b)).not.toBe("held");
    lock.release();
  });
});

describe("an engine that is away", () => {
  it("is waited for once by a request, not again for the lock", async () => {
    const world = opened();
    const [, b] = await joined(world, 2);
    b.line.state = "cut";
    const since = world.time.steady();
    expect(await got(world, b)).toBeUndefined();
    const store = b.store as TieredStore<string>;
    await world.time.until(Promise.resolve(store.lockEverywhere("/x")));
    expect(world.time.steady() - since).toBeLessThan(150);
  });

  it("is waited for by a few lookups for as long as the budget, and then by none for a while", async () => {
    const world = opened();
    const [, b] = await joined(world, 2);
    b.line.state = "cut";
    const since = world.time.steady();
    for (let n = 0; n < 3; n++) expect(await got(world, b, `/${n}`)).toBeUndefined();
    expect(world.time.steady() - since).toBeLessThan(3 * 110);
    expect(b.store.get("/more")).toBeUndefined();
    expect(b.store.stats().tier?.pages?.state).toBe("resting");
    expect(b.faults).toHaveLength(1);
  });

  it("is asked again when it is back", async () => {
    const world = opened();
    const [a, b] = await joined(world, 2);
    b.line.state = "cut";
    for (let n = 0; n < 3; n++) await got(world, b, `/${n}`);
    b.line.state = "open";
    await world.time.advance(LEASE_MS * 3);
    await rendered(world, a, "page");
    await got(world, b, "/none");
    await world.time.advance(20);
    expect(await got(world, b)).toBe("page");
  });

  it("keeps nothing when it is full, and every request is answered as without it", async () => {
    const world = opened();
    const [a, b] = await joined(world, 2);
    world.server.full = true;
    await rendered(world, a, "page");
    expect(await got(world, b)).toBeUndefined();
    expect(await got(world, a)).toBe("page");
    expect(a.store.stats().tier?.pages).toMatchObject({ state: "open", puts: 0, skippedPuts: 1 });
  });
});
