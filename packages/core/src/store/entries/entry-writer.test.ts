import { expect, it } from "vitest";
import { bodyFor, bodyOf, opened } from "../../../../../test/store/opened.js";
import { temporaryDirectory } from "../../../../../test/support/temporary-directory.js";

const MIB = 1024 * 1024;
/** Room for all of it also before what lies in the directory has been counted. */
const ROOMY = { maxBody: 128 * MIB, maxSize: 2 ** 34 };

it("keeps a piece longer than may wait for the disk, in one file with what came before and after it", async () => {
  const { store, head, events } = opened(temporaryDirectory(), ROOMY);
  const pieces = [bodyFor("first", 10), bodyFor("long", 20 * MIB), bodyFor("last", 300_000)] as const;
  const writer = store.create("/a")!;
  const drained = new Promise<void>((resolve) => (writer.onDrain = resolve));
  expect([writer.write(pieces[0]), writer.write(pieces[1])]).toEqual([true, false]);
  await drained;
  expect(writer.write(pieces[2])).toBe(true);
  expect([await writer.commit(head("/a")), events]).toEqual([true, []]);
  expect((await bodyOf(store.get("/a")))?.equals(Buffer.concat(pieces))).toBe(true);
});

it("gives up when more comes although it asked for a pause", () => {
  const { store, events } = opened(temporaryDirectory(), ROOMY);
  const writer = store.create("/a")!;
  expect([writer.write(bodyFor("long", 20 * MIB)), writer.failed]).toEqual([false, false]);
  writer.write(bodyFor("more", 1));
  expect([writer.failed, events]).toEqual([true, [{ type: "skip", reason: "queue-full", key: "/a" }]]);
});

it("takes no piece longer than may wait while too much of others waits, and takes it afterwards", async () => {
  const { store, head } = opened(temporaryDirectory(), ROOMY);
  const long = bodyFor("long", 17 * MIB);
  const [much, second] = [store.create("/much")!, store.create("/second")!];
  much.write(bodyFor("much", 65 * MIB));
  expect([store.crowded, store.create("/third")]).toEqual([true, undefined]);
  second.write(long);
  expect(second.failed).toBe(true);
  expect(await much.commit(head("/much"))).toBe(true);
  expect(store.crowded).toBe(false);
  const third = store.create("/third")!;
  third.write(long);
  expect(await third.commit(head("/third"))).toBe(true);
});
