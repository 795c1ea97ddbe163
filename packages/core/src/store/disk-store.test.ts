import { mkdtempSync, readdirSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import type { EntryHead, StoreEntry, StoreEvent } from "./contract.js";
import type { DiskStoreOptions } from "./disk-store-options.js";
import { DiskStore } from "./disk-store.js";

const HOUR_MS = 3_600_000;
const cleanups: (() => Promise<void> | void)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

function directory(): string {
  const dir = mkdtempSync(join(tmpdir(), "store-"));
  cleanups.push(() => rmSync(dir, { recursive: true, force: true }));
  return dir;
}

class TestClock {
  time = Date.now();
  now(): number {
    return this.time;
  }
}

interface Opened {
  readonly store: DiskStore<string>;
  readonly events: StoreEvent[];
  readonly clock: TestClock;
  readonly dir: string;
  head(key: string, more?: Partial<EntryHead>): EntryHead;
}

function open(dir = directory(), options: Partial<DiskStoreOptions<string>> = {}): Opened {
  const events: StoreEvent[] = [];
  const clock = new TestClock();
  const store = new DiskStore<string>({
    dir,
    memoryBytes: 1 << 20,
    maxSize: 1 << 30,
    maxEntries: 1_000_000,
    minFree: 0,
    maxBody: 16 << 20,
    durability: "none",
    strict: false,
    allowPublicDir: false,
    clock,
    decode: (head) => `decoded ${head.meta}`,
    observe: (event) => events.push(event),
    ...options,
  });
  cleanups.push(() => store.close());
  const head = (key: string, more: Partial<EntryHead> = {}): EntryHead => ({
    key,
    scope: "",
    name: key,
    tags: [],
    meta: "meta",
    storedAt: clock.time,
    expiresAt: clock.time + HOUR_MS,
    birth: store.position(),
    ...more,
  });
  return { store, events, clock, dir, head };
}

async function got(store: DiskStore<string>, key: string): Promise<StoreEntry<string> | undefined> {
  return store.get(key);
}

async function bodyOf(entry: StoreEntry<string>): Promise<Buffer> {
  if (entry.body !== undefined) return entry.body;
  const reader = entry.reader();
  const pieces: Buffer[] = [];
  for (let at = 0; ;) {
    const piece = await reader.read(at, entry.bodyBytes);
    if (piece.length === 0) break;
    pieces.push(Buffer.from(piece));
    at += piece.length;
  }
  reader.close();
  return Buffer.concat(pieces);
}

function patterned(bytes: number): Buffer {
  const body = Buffer.allocUnsafe(bytes);
  for (let at = 0; at < bytes; at++) body[at] = (at * 31 + (at >> 8)) & 255;
  return body;
}

describe("DiskStore", () => {
  it("gives back what was put, at once, after the write and after a restart", async () => {
    const { store, dir, head } = open();
    const given = head("/a", { tags: ["x", "ü€"], scope: "host", meta: "späß\nline 😀 \ud800" });
    expect(store.put(given, Buffer.from("hello"))).toBe(true);
    expect((await got(store, "/a"))?.body?.toString()).toBe("hello");
    await store.close();
    const second = open(dir);
    const entry = await got(second.store, "/a");
    expect(entry?.head).toEqual(given);
    expect(entry?.value).toBe(`decoded ${given.meta}`);
    expect(entry?.body?.toString()).toBe("hello");
    expect(second.events).toEqual([]);
  });

  it.each([0, 1, 4096, 131_000, 262_144, 262_145, 3_000_000])("keeps a put body of %i bytes whole", async (bytes) => {
    const { store, dir, head } = open(directory(), { memoryBytes: 0 });
    const body = patterned(bytes);
    expect(store.put(head("/a"), body)).toBe(true);
    await store.flush();
    const entry = (await got(store, "/a")) as StoreEntry<string>;
    expect(entry.bodyBytes).toBe(bytes);
    expect((await bodyOf(entry)).equals(body)).toBe(true);
    await store.close();
    const again = (await got(open(dir).store, "/a")) as StoreEntry<string>;
    expect((await bodyOf(again)).equals(body)).toBe(true);
  });

  it.each([0, 10, 131_072, 300_000, 9_000_001])(
    "keeps a streamed body of %i bytes whole, and lets it be read along",
    async (bytes) => {
      const { store, dir, head } = open();
      const body = patterned(bytes);
      const writer = store.create("/a");
      if (writer === undefined) throw new Error("refused");
      const along = writer.reader();
      for (let at = 0; at < bytes; at += 65_536) {
        const room = writer.write(body.subarray(at, at + 65_536));
        if (!room) await new Promise<void>((resolve) => (writer.onDrain = resolve));
      }
      const read: Buffer[] = [];
      for (let at = 0; at < bytes;) {
        const piece = await along.read(at, bytes);
        read.push(piece);
        at += piece.length;
      }
      expect(Buffer.concat(read).equals(body)).toBe(true);
      const committed = writer.commit(head("/a"));
      const during = store.get("/a") as StoreEntry<string>;
      expect(during).not.toBeInstanceOf(Promise);
      expect([during.bodyBytes, (await bodyOf(during)).equals(body)]).toEqual([bytes, true]);
      expect(await committed).toBe(true);
      along.close();
      const entry = (await got(store, "/a")) as StoreEntry<string>;
      expect((await bodyOf(entry)).equals(body)).toBe(true);
      await store.close();
      const again = (await got(open(dir).store, "/a")) as StoreEntry<string>;
      expect((await bodyOf(again)).equals(body)).toBe(true);
      expect(again.value).toBe("decoded meta");
    },
  );

  it("leaves nothing behind after an abort", async () => {
    const { store, dir } = open();
    const writer = store.create("/a");
    writer?.write(patterned(1_000_000));
    writer?.abort();
    await store.close();
    const files = readdirSync(dir, { recursive: true }).filter((name) => statSync(join(dir, String(name))).isFile());
    expect(files.filter((name) => String(name).includes("tmp-"))).toEqual([]);
  });

  describe("purges", () => {
    const CASES = [
      { selector: { kind: "name", name: "/a", scope: undefined }, ends: ["/a h1", "/a h2"] },
      { selector: { kind: "name", name: "/a", scope: "h1" }, ends: ["/a h1"] },
      { selector: { kind: "prefix", prefix: "/a", scope: undefined }, ends: ["/a h1", "/a h2", "/ab h1"] },
      { selector: { kind: "prefix", prefix: "/a", scope: "h2" }, ends: ["/a h2"] },
      { selector: { kind: "scope", scope: "h1" }, ends: ["/a h1", "/ab h1", "/c h1"] },
      { selector: { kind: "tag", tag: "t" }, ends: ["/c h1"] },
      { selector: { kind: "all" }, ends: ["/a h1", "/a h2", "/ab h1", "/c h1"] },
    ] as const;
    const KEYS = ["/a h1", "/a h2", "/ab h1", "/c h1"];

    function fill({ store, head }: Opened): void {
      for (const key of KEYS) {
        const [name = "", scope = ""] = key.split(" ");
        store.put(head(key, { name, scope, tags: name === "/c" ? ["s", "t"] : [] }), Buffer.from(key));
      }
    }

    it.each(CASES)("end what $selector names, in every store of the directory", async ({ selector, ends }) => {
      const first = open();
      fill(first);
      await first.store.flush();
      const second = open(first.dir);
      for (const key of KEYS) expect(await got(second.store, key)).toBeDefined();
      await open(first.dir).store.purge([selector], { soft: false });
      await new Promise((resolve) => setImmediate(resolve));
      for (const { store } of [first, second, open(first.dir)]) {
        const living = [];
        for (const key of KEYS) if ((await got(store, key)) !== undefined) living.push(key);
        expect(living).toEqual(KEYS.filter((key) => !(ends as readonly string[]).includes(key)));
      }
    });

    it.each(CASES)("softly mark what $selector names", async ({ selector, ends }) => {
      const first = open();
      fill(first);
      await first.store.purge([selector], { soft: true });
      await first.store.flush();
      for (const { store } of [first, open(first.dir)]) {
        const soft = [];
        for (const key of KEYS) if ((await got(store, key))?.softPurged === true) soft.push(key);
        expect(soft).toEqual(ends);
      }
    });

    it("win over what was begun before them", async () => {
      const { store, head, events } = open();
      const before = head("/a");
      await store.purge([{ kind: "name", name: "/a", scope: undefined }], { soft: false });
      expect(store.survivesPurges(before)).toBe(false);
      expect(store.put(before, Buffer.from("old"))).toBe(false);
      expect(events.at(-1)).toMatchObject({ type: "skip", reason: "purged" });
      expect(store.put(head("/a"), Buffer.from("new"))).toBe(true);
      expect((await got(store, "/a"))?.body?.toString()).toBe("new");
    });
  });

  it("removes what was removed", async () => {
    const { store, dir, head } = open();
    store.put(head("/a"), Buffer.from("x"));
    store.remove("/a");
    expect(await got(store, "/a")).toBeUndefined();
    await store.flush();
    expect(await got(open(dir).store, "/a")).toBeUndefined();
    store.put(head("/a"), Buffer.from("y"));
    await store.flush();
    expect((await got(open(dir).store, "/a"))?.body?.toString()).toBe("y");
  });

  it("ends an entry with its time, and one from a clock that was ahead", async () => {
    const { store, clock, head } = open();
    store.put(head("/a", { expiresAt: clock.time + 1000 }), Buffer.from("x"));
    expect(await got(store, "/a")).toBeDefined();
    clock.time += 1000;
    expect(await got(store, "/a")).toBeUndefined();
    store.put(head("/b"), Buffer.from("x"));
    clock.time -= 10 * HOUR_MS;
    expect(await got(store, "/b")).toBeUndefined();
  });

  it("frees the disk after clear", async () => {
    const { store, dir, head } = open();
    for (let index = 0; index < 100; index++) store.put(head(`/${index}`), Buffer.from("x"));
    await store.flush();
    await store.clear();
    expect(await got(store, "/1")).toBeUndefined();
    const shards = (): string[] => readdirSync(dir).filter((name) => /^[0-9a-f]{2}$/.test(name));
    while (shards().length > 0) await new Promise((resolve) => setImmediate(resolve));
    expect(store.stats().entries).toBe(0);
  });

  it("keeps its bounds and evicts the least recently used", async () => {
    const { store, clock, head } = open(directory(), { maxEntries: 100, memoryBytes: 0 });
    for (let index = 0; index < 96; index++) {
      clock.time += 1000;
      expect(store.put(head(`/${index}`), Buffer.from("x"))).toBe(true);
      await store.flush();
    }
    while (store.stats().evictions < 6) await new Promise((resolve) => setImmediate(resolve));
    expect(await got(store, "/0")).toBeUndefined();
    expect(await got(store, "/95")).toBeDefined();
  });
});
