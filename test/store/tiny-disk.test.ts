/** A disk that is too small for what is put on it: a real one where this process may mount one, and one that is told of
 * everywhere. */
import { describe, expect, it } from "vitest";
import { allocated } from "./allocated.mjs";
import { bodyFor, bodyOf, opened, until } from "./opened.js";
import type { Opened } from "./opened.js";
import { mountedDisk, toldDisk } from "./small-disk.js";

const SIZE = { bytes: 2 ** 20, inodes: 2000 };
const KEYS = 300;

async function put({ store, head }: Opened, key: string, bytes: number): Promise<void> {
  if (bytes < 50_000) store.put(head(key), bodyFor(key, bytes));
  else {
    const writer = store.create(key);
    writer?.write(bodyFor(key, bytes));
    await writer?.commit(head(key));
  }
  await store.flush();
}

const sizeOf = (index: number): number => (index % 9 === 0 ? 90_000 : 500 + ((index * 997) % 9000));

async function found({ store }: Pick<Opened, "store">): Promise<number> {
  let whole = 0;
  for (let index = 0; index < KEYS; index++) {
    const body = await bodyOf(store.get(`/${index}`));
    if (body === undefined) continue;
    expect(body.equals(bodyFor(`/${index}`, sizeOf(index)))).toBe(true);
    whole++;
  }
  return whole;
}

describe.each([
  { given: "that is mounted, if it may be", make: () => mountedDisk(SIZE) ?? toldDisk(SIZE) },
  { given: "that is told of", make: () => toldDisk(SIZE) },
])("a disk of a megabyte, $given", ({ make }) => {
  it("is filled without a fault, serves whole entries only, and takes new ones when there is room", async () => {
    const disk = make();
    let elapsed = 0;
    const used = opened(disk.dir, { fs: disk.fs, elapsed: () => elapsed });
    for (let index = 0; index < KEYS; index++) {
      await put(used, `/${index}`, sizeOf(index));
      elapsed += 30;
    }
    expect(used.events.some((event) => event.type === "pause" && event.code === "ENOSPC")).toBe(true);
    await until(() => allocated(disk.dir).temporary === 0);
    expect(await found(used)).toBeGreaterThan(20);
    expect(await found(opened(disk.dir, { fs: disk.fs }))).toBeGreaterThan(20);

    await used.store.clear();
    expect(await found(used)).toBe(0);
    // Storing begins again by itself once the disk is freed behind the purge.
    while ((await found(used)) === 0) {
      elapsed += 1000;
      await put(used, "/0", sizeOf(0));
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect(used.events.some(({ type }) => type === "resume")).toBe(true);
  });

  it("that others have filled up: what is purged is purged, or the purge rejects", async () => {
    const disk = make();
    const used = opened(disk.dir, { fs: disk.fs });
    for (let index = 0; index < 30; index++) await put(used, `/${index}`, 500);
    disk.fill();
    const purged = await used.store.clear().then(
      () => true,
      (error: unknown) => {
        expect(error).toMatchObject({ code: "ERR_DISKCACHE_PURGE" });
        return false;
      },
    );
    await new Promise((resolve) => setImmediate(resolve));
    const left = await Promise.all(Array.from({ length: 30 }, async (_, index) => used.store.get(`/${index}`)));
    if (purged) expect(left.every((entry) => entry === undefined)).toBe(true);
    await put(used, "/new", 500);
    expect((await bodyOf(used.store.get("/new")))?.equals(bodyFor("/new", 500)) ?? true).toBe(true);
  });
});
