/** What every store has to do, as cases for any test runner: a store is right when all of them pass. Checks with
 * node:assert, and knows of a store nothing but its contract. */
import assert from "node:assert/strict";
import type { OpenStore, Store } from "./contract.js";
import { PURGE_CASES } from "./store-suite-purges.js";
import { bodyOf, HOUR_MS, isBody, MOST_WAIT_MS, nextTurn, runOver, textOf, UNREADABLE } from "./store-suite-place.js";
import type { Check, NamedCheck } from "./store-suite-place.js";

/** One thing that a store has to do. */
export interface StoreCase {
  /** A sentence about the store. */
  readonly name: string;
  /** Rejects when the store does not do it. Closes what it opens. */
  readonly run: () => Promise<void>;
}

/** The cases for a store. Each opens several stores over a new place, as so many processes would.
 * @param share makes a new, empty place, and returns what opens stores over it: what the option `store` takes
 * @example
 * for (const { name, run } of storeCases(() => myStore())) test(name, run); */
export function storeCases(share: () => OpenStore): readonly StoreCase[] {
  return [...CASES, ...PURGE_CASES].map(([name, check]) => ({ name, run: () => runOver(share(), check) }));
}

/** Until then, what one store has removed is gone for every other. */
const MOST_TURNS = 10_000;

const keepsPut =
  (bytes: number): Check =>
  async ({ open }) => {
    const { store, head } = open();
    const given = head("/a", { tags: ["t", "ü€"], meta: "späß\n😀" });
    const body = bodyOf(bytes);
    assert.equal(store.put(given, body), true);
    await isBody(store.get("/a"), body);
    await store.written("/a");
    const there = await open().store.get("/a");
    assert.deepEqual({ ...there?.head }, given);
    assert.deepEqual([there?.value, there?.bodyBytes, there?.softPurged], [`decoded ${given.meta}`, bytes, false]);
    await isBody(there, body);
  };

const keepsStream =
  (bytes: number): Check =>
  async ({ open }) => {
    const { store, head } = open();
    const body = bodyOf(bytes);
    const writer = store.create("/a");
    assert(writer);
    const along = writer.reader();
    for (let at = 0; at < bytes; at += 65_536) writer.write(body.subarray(at, at + 65_536));
    assert.equal(await store.get("/a"), undefined);
    if (bytes > 0) assert.deepEqual(Buffer.from(await along.read(0, 10)), body.subarray(0, 10));
    along.close();
    const committed = writer.commit(head("/a"));
    await isBody(store.get("/a"), body);
    assert.equal(await committed, true);
    await isBody(open().store.get("/a"), body);
  };

const CASES: readonly NamedCheck[] = [
  [
    "has nothing at first",
    async ({ open }) => {
      const { store } = open();
      for (const found of [store.get("/a"), store.borrow("/a", 0), store.getLatest("/a"), store.getCurrent("/a")])
        assert.equal(await found, undefined);
      assert.equal(store.inMemory("/a", 0), undefined);
      assert.deepEqual([store.storing, store.crowded, await store.has("/a")], [true, false, false]);
    },
  ],
  ...[0, 1, 4096, 200_000, 1_000_000].map(
    (bytes) => [`gives a put body of ${bytes} bytes back, here and elsewhere`, keepsPut(bytes)] as const,
  ),
  ...[0, 100, 1_000_000].map(
    (bytes) => [`gives a streamed body of ${bytes} bytes back, and lets it be read along`, keepsStream(bytes)] as const,
  ),
  [
    "keeps nothing of an aborted stream",
    async ({ open }) => {
      const { store, head } = open();
      const writer = store.create("/a");
      writer?.write(bodyOf(500_000));
      writer?.abort();
      assert.equal(await writer?.commit(head("/a")), false);
      await store.written("/a");
      assert.equal(await open().store.get("/a"), undefined);
    },
  ],
  [
    "keeps the last of several puts, removals and streams of one key, in the order of the calls",
    async ({ open }) => {
      const { store, head } = open();
      const put = (text: string) => store.put(head("/a"), Buffer.from(text));
      const stream = (text: string): void => {
        const writer = store.create("/a");
        writer?.write(Buffer.from(text));
        void writer?.commit(head("/a"));
      };
      const isLast = async (text: string | undefined): Promise<void> => {
        assert.equal(await textOf(store.get("/a")), text);
        await store.written("/a");
        assert.equal(await textOf(open().store.get("/a")), text);
      };
      put("one");
      put("two");
      await isLast("two");
      store.put(head("/a"), bodyOf(300_000));
      stream("three");
      await isLast("three");
      stream("four");
      put("five");
      await isLast("five");
      stream("six");
      store.remove("/a");
      await isLast(undefined);
      assert.equal(await store.has("/a"), false);
      stream("seven");
      stream("eight");
      await isLast("eight");
      assert.equal(await store.has("/a"), true);
    },
  ],
  [
    "finds by every way of asking what another store has put in the place of an entry",
    async ({ open }) => {
      const { store, head } = open();
      store.put(head("/a"), Buffer.from("one"));
      await store.written("/a");
      assert.equal(await textOf(store.get("/a")), "one");
      const other = open().store;
      other.put(head("/a"), Buffer.from("two"));
      await other.written("/a");
      await nextTurn();
      assert.equal(await textOf(store.getLatest("/a")), "two");
      assert.equal(await textOf(store.getCurrent("/a")), "two");
      const borrowed = await open().store.borrow("/a", Date.now());
      assert.equal(await textOf(borrowed), "two");
      borrowed?.lease?.giveBack();
    },
  ],
  [
    "removes an entry for every store of the place, whatever they remember of it",
    async ({ open }) => {
      const { store, head } = open();
      const other = open().store;
      store.put(head("/a"), Buffer.from("x"));
      await store.written("/a");
      assert.equal(await textOf(other.get("/a")), "x");
      store.removeForAll(head("/a"));
      assert.equal(await store.get("/a"), undefined);
      for (let turns = 0; turns < MOST_TURNS && (await other.get("/a")) !== undefined; turns++) await nextTurn();
      assert.equal(await other.get("/a"), undefined);
    },
  ],
  [
    "gives nothing out once its lifetime is over, and takes nothing that is over already",
    async ({ open, advance }) => {
      const { store, head, events } = open();
      assert.equal(store.put(head("/a"), Buffer.from("x")), true);
      await store.written("/a");
      const over = head("/b", { expiresAt: 1 });
      assert.equal(store.unfit(over, 1, true), "unusable");
      assert.equal(store.put(over, Buffer.from("x")), false);
      assert.deepEqual(events, [{ type: "skip", reason: "unusable", key: "/b" }]);
      advance(HOUR_MS);
      for (const { store: asked } of [{ store }, open()]) assert.equal(await asked.get("/a"), undefined);
    },
  ],
  [
    "takes nothing that its owner cannot read, which it may be asked about without a meta",
    async ({ open }) => {
      const { store, head, events } = open();
      assert.equal(store.unfit(head("/a", { meta: "" }), 5, false), undefined);
      assert.equal(store.put(head("/a", { meta: UNREADABLE }), Buffer.from("x")), false);
      assert.deepEqual(events, [{ type: "skip", reason: "unusable", key: "/a" }]);
      assert.equal(await store.get("/a"), undefined);
      assert.equal(store.couldHold(head("/a"), 1), true);
    },
  ],
  [
    "lists and counts what it holds, and nothing after it was cleared",
    async ({ open }) => {
      const { store, head } = open();
      const keys = Array.from({ length: 20 }, (_, index) => `/${index}`);
      for (const key of keys) store.put(head(key), Buffer.from("x"));
      await Promise.all(keys.map((key) => store.written(key)));
      const other = open().store;
      const listed: string[] = [];
      for await (const { key } of other.heads()) listed.push(key);
      assert.deepEqual(listed.sort(), keys.sort());
      // An estimate until a first count is over.
      const comesTo = async (entries: number, counted: Store<string>): Promise<void> => {
        const until = performance.now() + MOST_WAIT_MS;
        while (counted.stats().entries !== entries && performance.now() < until) await nextTurn();
        assert.equal(counted.stats().entries, entries);
      };
      await comesTo(20, store);
      await comesTo(20, other);
      await store.clear();
      assert.equal(await store.get("/0"), undefined);
      await comesTo(0, store);
    },
  ],
  [
    "once closed, closes again, answers with misses, takes nothing and refuses purges",
    async ({ open }) => {
      const { store, head } = open();
      const given = head("/a");
      await store.close();
      await store.close();
      assert.deepEqual([await store.get("/a"), store.storing], [undefined, false]);
      assert.equal(store.put(given, Buffer.from("x")), false);
      assert.equal(store.create("/a"), undefined);
      store.remove("/a");
      store.removeForAll(given);
      await store.written("/a");
      await assert.rejects(store.clear(), { code: "ERR_DISKCACHE_CLOSED" });
    },
  ],
];
