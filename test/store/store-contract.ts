/** What every store promises (`Store` in contract.ts), whatever it keeps its bytes in. A store is right when it passes. */
import { describe, expect, it } from "vitest";
import type { EntryHead, PurgeSelector, Store } from "../../packages/core/src/store/contract.js";
import { bodyFor, bodyOf } from "./opened.js";

/** One directory, or whatever the store has instead, that several stores can share. */
export interface Shared {
  /** A store over it; closed when the test is over. */
  open(): { readonly store: Store<string>; head(key: string, more?: Partial<EntryHead>): EntryHead };
  /** Resolves when what was handed to a store is where the others find it. */
  settled(store: Store<string>): Promise<void>;
}

export function storeContract(share: () => Shared): void {
  it("has nothing at first", async () => {
    expect(await share().open().store.get("/a")).toBeUndefined();
  });

  it.each([0, 1, 4096, 200_000, 1_000_000])("gives a put body of %i bytes back, here and elsewhere", async (bytes) => {
    const shared = share();
    const { store, head } = shared.open();
    const given = head("/a", { tags: ["t", "ü€"], meta: "späß\n😀" });
    const body = bodyFor("/a", bytes);
    expect(store.put(given, body)).toBe(true);
    expect((await bodyOf(store.get("/a")))?.equals(body)).toBe(true);
    await shared.settled(store);
    const there = await shared.open().store.get("/a");
    expect(there?.head).toEqual(given);
    expect(there?.value).toBe(given.meta);
    expect(there?.bodyBytes).toBe(bytes);
    expect((await bodyOf(there))?.equals(body)).toBe(true);
  });

  it.each([0, 100, 1_000_000])("gives a streamed body of %i bytes back, and lets it be read along", async (bytes) => {
    const shared = share();
    const { store, head } = shared.open();
    const body = bodyFor("/a", bytes);
    const writer = store.create("/a")!;
    const along = writer.reader();
    for (let at = 0; at < bytes; at += 65_536) writer.write(body.subarray(at, at + 65_536));
    expect(await store.get("/a")).toBeUndefined();
    if (bytes > 0) expect((await along.read(0, 10)).toString()).toBe(body.subarray(0, 10).toString());
    along.close();
    const committed = writer.commit(head("/a"));
    expect((await bodyOf(store.get("/a")))?.equals(body)).toBe(true);
    expect(await committed).toBe(true);
    expect((await bodyOf(store.get("/a")))?.equals(body)).toBe(true);
    expect((await bodyOf(shared.open().store.get("/a")))?.equals(body)).toBe(true);
  });

  it("keeps nothing of an aborted stream", async () => {
    const shared = share();
    const { store } = shared.open();
    const writer = store.create("/a")!;
    writer.write(bodyFor("/a", 500_000));
    writer.abort();
    expect(await writer.commit({} as EntryHead)).toBe(false);
    await shared.settled(store);
    expect(await shared.open().store.get("/a")).toBeUndefined();
  });

  it("keeps the last of several puts, removals and streams of one key, in the order of the calls", async () => {
    const shared = share();
    const { store, head } = shared.open();
    const stream = (text: string): Promise<boolean> => {
      const writer = store.create("/a")!;
      writer.write(Buffer.from(text));
      return writer.commit(head("/a"));
    };
    const last = async (): Promise<string | undefined> => {
      await shared.settled(store);
      return (await bodyOf(shared.open().store.get("/a")))?.toString();
    };
    store.put(head("/a"), Buffer.from("one"));
    store.put(head("/a"), Buffer.from("two"));
    expect(await last()).toBe("two");
    store.put(head("/a"), bodyFor("long", 300_000));
    void stream("three");
    expect(await last()).toBe("three");
    void stream("four");
    store.put(head("/a"), Buffer.from("five"));
    expect((await bodyOf(store.get("/a")))?.toString()).toBe("five");
    expect(await last()).toBe("five");
    void stream("six");
    store.remove("/a");
    expect(await store.get("/a")).toBeUndefined();
    expect(await last()).toBeUndefined();
    void stream("seven");
    void stream("eight");
    expect(await last()).toBe("eight");
  });

  it("takes nothing that is over already", () => {
    const { store, head } = share().open();
    expect(store.put(head("/a", { expiresAt: 1 }), Buffer.from("x"))).toBe(false);
  });

  describe("purges", () => {
    const all = ["/a h1", "/a h2", "/ab h1", "/c h1"];
    it.each<{ readonly selector: PurgeSelector; readonly ends: readonly string[] }>([
      { selector: { kind: "name", name: "/a", scope: undefined }, ends: ["/a h1", "/a h2"] },
      { selector: { kind: "name", name: "/a", scope: "h1" }, ends: ["/a h1"] },
      { selector: { kind: "prefix", prefix: "/a", scope: undefined }, ends: ["/a h1", "/a h2", "/ab h1"] },
      { selector: { kind: "scope", scope: "h1" }, ends: ["/a h1", "/ab h1", "/c h1"] },
      { selector: { kind: "tag", tag: "t" }, ends: ["/c h1"] },
      { selector: { kind: "all" }, ends: all },
    ])("end, or softly mark, what $selector names, for whoever asks from then on", async ({ selector, ends }) => {
      for (const soft of [false, true]) {
        const shared = share();
        const { store, head } = shared.open();
        const other = shared.open().store;
        for (const key of all) {
          const [name = "", scope = ""] = key.split(" ");
          store.put(head(key, { name, scope, tags: name === "/c" ? ["s", "t"] : [] }), Buffer.from(key));
        }
        await shared.settled(store);
        for (const key of all) expect(await other.get(key)).toBeDefined();
        await other.purge([selector], { soft });
        await new Promise((resolve) => setImmediate(resolve));
        for (const asked of [store, other, shared.open().store]) {
          const found = await Promise.all(all.map(async (key) => asked.get(key)));
          const named = all.filter((_, at) => (soft ? found[at]?.softPurged === true : found[at] === undefined));
          expect(named).toEqual(ends);
        }
      }
    });

    it("win over what was begun before them, put or streamed", async () => {
      const shared = share();
      const { store, head } = shared.open();
      const before = head("/a");
      const writer = store.create("/a")!;
      writer.write(Buffer.from("old"));
      await shared.open().store.purge([{ kind: "all" }], { soft: false });
      await new Promise((resolve) => setImmediate(resolve));
      expect(store.survivesPurges(before)).toBe(false);
      expect(store.put(before, Buffer.from("old"))).toBe(false);
      expect(await writer.commit(before)).toBe(false);
      expect(await store.get("/a")).toBeUndefined();
      expect(store.put(head("/a"), Buffer.from("new"))).toBe(true);
      expect((await bodyOf(store.get("/a")))?.toString()).toBe("new");
    });
  });

  it("counts what it holds, and nothing after it was cleared", async () => {
    const shared = share();
    const { store, head } = shared.open();
    for (let index = 0; index < 20; index++) store.put(head(`/${index}`), Buffer.from("x"));
    await shared.settled(store);
    const other = shared.open().store;
    // An estimate until the first count is over.
    const comesTo = async (entries: number, counted = store) => {
      while (counted.stats().entries !== entries) await new Promise((resolve) => setImmediate(resolve));
    };
    await comesTo(20);
    await comesTo(20, other);
    expect(store.stats().entries).toBe(20);
    await store.clear();
    await comesTo(0);
  });

  it("once closed, closes again, answers with misses, takes nothing and refuses purges", async () => {
    const { store, head } = share().open();
    const given = head("/a");
    await store.close();
    await store.close();
    expect(await store.get("/a")).toBeUndefined();
    expect(store.put(given, Buffer.from("x"))).toBe(false);
    expect(store.create("/a")).toBeUndefined();
    await expect(store.clear()).rejects.toMatchObject({ code: "ERR_DISKCACHE_CLOSED" });
  });
}
