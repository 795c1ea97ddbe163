/** What waits to be written: merged by key, bounded, and what no longer fits is told and not kept. */
import { expect, it } from "vitest";
import { nodeFileSystem } from "../../packages/core/src/store/file-system.js";
import { temporaryDirectory } from "../support/temporary-directory.js";
import { bodyOf, opened } from "./opened.js";

const MIB = 2 ** 20;

it("is written once for each key, however often it was put in the meantime, and the last one wins", async () => {
  let renames = 0;
  const renameSync = (from: string, to: string): void => {
    renames++;
    nodeFileSystem.renameSync(from, to);
  };
  const dir = temporaryDirectory();
  const { store, head } = opened(dir, { fs: { ...nodeFileSystem, renameSync } as typeof nodeFileSystem });
  for (let index = 0; index < 100; index++)
    for (const key of ["/a", "/b"]) expect(store.put(head(key), Buffer.from(`${key} ${index}`))).toBe(true);
  expect(store.stats().pendingWrites).toBe(2);
  expect((await bodyOf(store.get("/a")))?.toString()).toBe("/a 99");
  await store.flush();
  expect(renames).toBe(2);
  await store.close();
  expect((await bodyOf(opened(dir).store.get("/b")))?.toString()).toBe("/b 99");
});

it("holds no more than 64 MiB: what comes then is not kept, and counted, until there is room again", async () => {
  const { store, head, events } = opened(temporaryDirectory(), { maxSize: 2 ** 36 });
  const body = Buffer.alloc(4 * MIB, "x");
  const kept = Array.from({ length: 20 }, (_, index) => store.put(head(`/${index}`), body));
  expect(kept).toEqual(Array.from({ length: 20 }, (_, index) => index < 15));
  const skipped = events.filter(({ type }) => type === "skip");
  expect(skipped).toEqual(
    Array.from({ length: 5 }, (_, index) => ({ type: "skip", reason: "queue-full", key: `/${15 + index}` })),
  );
  expect(store.stats().skippedWrites).toBe(5);
  await store.flush();
  expect(store.put(head("/15"), body)).toBe(true);
  await store.flush();
  const found = await Promise.all(kept.map(async (_, index) => (await bodyOf(store.get(`/${index}`)))?.equals(body)));
  expect(found).toEqual(Array.from({ length: 20 }, (_, index) => (index < 16 ? true : undefined)));
});
