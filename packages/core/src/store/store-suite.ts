/** What every store has to do, as cases for any test runner: a store is right when all of them pass. Checks with
 * node:assert, and knows of a store nothing but its contract. */
import assert from "node:assert/strict";
import { wholeBody } from "./contract.js";
import type { EntryHead, OpenStore, PurgeSelector, Store, StoreEntry, StoreEvent } from "./contract.js";

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
  return CASES.map(([name, check]) => ({ name, run: () => runOver(share(), check) }));
}

/** A store, and what its owner knows. */
interface Opened {
  readonly store: Store<string>;
  readonly events: readonly StoreEvent[];
  /** A head of this moment. */
  head(key: string, more?: Partial<EntryHead>): EntryHead;
}

interface Place {
  open(idle?: boolean): Opened;
  /** Lets time pass. */
  advance(ms: number): void;
}

type Check = (place: Place) => Promise<void>;

/** Until then, what one store has removed is gone for every other. */
const MOST_TURNS = 10_000;
const HOUR_MS = 3_600_000;
/** An owner cannot read it. */
const UNREADABLE = "unreadable";
const MOST_WAIT_MS = 20_000;

async function runOver(open: OpenStore, check: Check): Promise<void> {
  const stores: Store<string>[] = [];
  let now = Date.now();
  const clock = { now: () => now };
  const decode = ({ meta }: EntryHead): string => {
    if (meta === UNREADABLE || meta === "") throw new Error("not a meta of this owner");
    return `decoded ${meta}`;
  };
  const place: Place = {
    advance: (ms) => void (now += ms),
    open: (idle = false) => {
      const events: StoreEvent[] = [];
      const store = open<string>({ decode, observe: (event) => void events.push(event), clock, patient: true, idle });
      stores.push(store);
      const head = (key: string, more: Partial<EntryHead> = {}): EntryHead => {
        const lifetime = { storedAt: now, expiresAt: now + HOUR_MS, birth: store.positionNow() };
        return { key, scope: "host", name: key, tags: [], meta: "meta", ...lifetime, ...more };
      };
      return { store, events, head };
    },
  };
  try {
    await check(place);
  } finally {
    await Promise.all(stores.map((store) => store.close()));
  }
}

/** What another store has purged is known from the next turn of the event loop on. */
function nextTurn(): Promise<void> {
  return new Promise((resolve) => void setImmediate(resolve));
}

type Found = StoreEntry<string> | undefined;

async function bytesOf(found: Found | Promise<Found>): Promise<Buffer | undefined> {
  const entry = await found;
  return entry && wholeBody(entry);
}

async function textOf(found: Found | Promise<Found>): Promise<string | undefined> {
  return (await bytesOf(found))?.toString();
}

/** In one line: a difference of long buffers takes an assertion of Node 22 and later more memory than there is. */
async function isBody(found: Found | Promise<Found>, expected: Buffer): Promise<void> {
  const bytes = await bytesOf(found);
  const same = bytes?.equals(expected) === true;
  assert.equal(same ? "the body" : `${bytes?.length ?? "no"} bytes that are not the body`, "the body");
}

function bodyOf(bytes: number): Buffer {
  return Buffer.alloc(bytes, "0123456789abc");
}

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

const ALL = ["/a h1", "/a h2", "/ab h1", "/c h1"];
const PURGES: readonly { readonly selector: PurgeSelector; readonly invalidates: readonly string[] }[] = [
  { selector: { kind: "name", name: "/a", scope: undefined }, invalidates: ["/a h1", "/a h2"] },
  { selector: { kind: "name", name: "/a", scope: "h1" }, invalidates: ["/a h1"] },
  { selector: { kind: "prefix", prefix: "/a", scope: undefined }, invalidates: ["/a h1", "/a h2", "/ab h1"] },
  { selector: { kind: "prefix", prefix: "/a", scope: "h2" }, invalidates: ["/a h2"] },
  { selector: { kind: "scope", scope: "h1" }, invalidates: ["/a h1", "/ab h1", "/c h1"] },
  { selector: { kind: "tag", tag: "t" }, invalidates: ["/c h1"] },
  { selector: { kind: "all" }, invalidates: ALL },
];

const purges =
  (selector: PurgeSelector, invalidates: readonly string[], soft: boolean): Check =>
  async ({ open }) => {
    const { store, head } = open();
    const other = open().store;
    for (const key of ALL) {
      const [name = "", scope = ""] = key.split(" ");
      store.put(head(key, { name, scope, tags: name === "/c" ? ["s", "t"] : [] }), Buffer.from(key));
    }
    await Promise.all(ALL.map((key) => store.written(key)));
    for (const key of ALL) assert(await other.get(key));
    await other.purge([selector], { soft });
    await nextTurn();
    for (const asked of [store, other, open().store]) {
      const found = await Promise.all(ALL.map(async (key) => asked.get(key)));
      const named = ALL.filter((_, at) => (soft ? found[at]?.softPurged === true : found[at] === undefined));
      assert.deepEqual(named, invalidates);
    }
  };

const CASES: readonly (readonly [name: string, check: Check])[] = [
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
  ...PURGES.flatMap(({ selector, invalidates }) =>
    [false, true].map(
      (soft) =>
        [
          `${soft ? "marks" : "invalidates"} for all what ${JSON.stringify(selector)} names, and no more`,
          purges(selector, invalidates, soft),
        ] as const,
    ),
  ),
  [
    "lets a purge win over what was begun before it, put or streamed",
    async ({ open }) => {
      const { store, head } = open();
      const before = head("/a");
      const writer = store.create("/a");
      writer?.write(Buffer.from("old"));
      await open().store.purge([{ kind: "all" }], { soft: false });
      assert(store.positionNow() > before.birth);
      await nextTurn();
      assert(store.position() > before.birth);
      assert.equal(store.survivesPurges(before), false);
      assert.equal(store.unfit(before, 3, true), "purged");
      assert.equal(store.put(before, Buffer.from("old")), false);
      assert.equal(await writer?.commit(before), false);
      assert.equal(await store.get("/a"), undefined);
      const after = head("/a");
      assert.equal(store.survivesPurges(after), true);
      assert.equal(store.put(after, Buffer.from("new")), true);
      assert.equal(await textOf(store.get("/a")), "new");
    },
  ],
  [
    "purges for the others also where its cache is switched off",
    async ({ open }) => {
      const { store, head } = open();
      store.put(head("/a"), Buffer.from("x"));
      await store.written("/a");
      await open(true).store.purge([{ kind: "all" }], { soft: false });
      await nextTurn();
      assert.equal(await store.get("/a"), undefined);
    },
  ],
  [
    "gives the right to make an entry to one store at a time, and wakes the others when what was put is there",
    async ({ open }) => {
      const [one, other] = [open(), open()];
      assert.equal(await one.store.released("/a", 10), "abandoned");
      const lock = one.store.lock("/a", { always: true });
      // A store may be without locks: then each process makes its own.
      if (typeof lock !== "object") return assert.equal(lock, undefined);
      assert.equal(other.store.lock("/a", { always: true }), "held");
      assert.equal(typeof other.store.lock("/b", { always: true }), "object");
      const released = other.store.released("/a", MOST_WAIT_MS);
      one.store.put(one.head("/a"), Buffer.from("made"));
      lock.release();
      lock.release();
      assert.equal(await released, "over");
      await nextTurn();
      assert.equal(await textOf(other.store.get("/a")), "made");
      assert.equal(typeof other.store.lock("/a", { always: true }), "object");
    },
  ],
  [
    "does not let a maker be waited for that began before a purge of its entry",
    async ({ open }) => {
      const { store, head } = open();
      const making = () => ({ making: head("/a"), always: true });
      const lock = store.lock("/a", making());
      if (lock === undefined) return;
      const other = open().store;
      assert.equal(other.lock("/a", making()), "held");
      await other.purge([{ kind: "name", name: "/a", scope: undefined }], { soft: false });
      await nextTurn();
      assert.equal(typeof other.lock("/a", making()), "object");
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
