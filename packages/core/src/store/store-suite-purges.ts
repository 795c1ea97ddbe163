/** The cases of the store suite that are about purges, and about the right to make an entry. */
import assert from "node:assert/strict";
import type { PurgeSelector } from "./contract.js";
import { MOST_WAIT_MS, nextTurn, textOf } from "./store-suite-place.js";
import type { Check, NamedCheck } from "./store-suite-place.js";

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

export const PURGE_CASES: readonly NamedCheck[] = [
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
];
