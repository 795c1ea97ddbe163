/** The k-th call to the file system fails, once and from there on: nothing throws, nothing wrong is served, and storing
 * goes on by itself afterwards. */
import { existsSync, readFileSync, readdirSync, renameSync, rmSync, unlink as unlinkNow, writeFileSync } from "node:fs";
import type { NoParamCallback } from "node:fs";
import { describe, expect, it } from "vitest";
import { nodeFileSystem } from "../../packages/core/src/store/file-system.js";
import type { FileSystem } from "../../packages/core/src/store/file-system.js";
import { Paths } from "../../packages/core/src/store/paths.js";
import { temporaryDirectory } from "../support/temporary-directory.js";
import { faultyFileSystem } from "./faulty-file-system.js";
import { bodyFor, bodyOf, opened, until } from "./opened.js";
import type { Opened } from "./opened.js";

const CODES = ["ENOSPC", "EIO", "EMFILE", "EACCES", "EROFS", "EDQUOT", "ENFILE", "ENOENT"];
const KEYS = ["/small", "/long", "/stream"];
const sizes = new Map([
  ["/small", 3000],
  ["/long", 300_000],
  ["/stream", 200_000],
]);

// One of everything the store does. Whatever is found on the way has to be right.
async function useAll({ store, head }: Opened): Promise<void> {
  store.put(head("/small"), bodyFor("/small", 3000));
  store.put(head("/long"), bodyFor("/long", 300_000));
  const writer = store.create("/stream");
  writer?.write(bodyFor("/stream", 200_000));
  await writer?.commit(head("/stream"));
  await store.flush();
  for (const key of KEYS) await expectRightOrMiss(store, key);
  store.remove("/small");
  await store.purge([{ kind: "tag", tag: "t" }], { soft: false }).catch(expectPurgeError);
  await store.flush();
  store.stats();
}

async function expectRightOrMiss(store: Opened["store"], key: string): Promise<void> {
  const body = await bodyOf(store.get(key));
  if (body !== undefined && !body.equals(bodyFor(key, sizes.get(key)!))) throw new Error(`${key} is wrong`);
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

function last(events: Opened["events"]): string {
  return JSON.stringify(events.slice(-3));
}

function expectPurgeError(error: unknown): void {
  expect(error).toMatchObject({ code: "ERR_DISKCACHE_PURGE" });
}

describe.each(["once", "from there on"] as const)("a call that fails %s", (how) => {
  it.each(CODES)("with %s, whichever it is, costs no more than entries", async (code) => {
    for (let call = 0; ; call += 11) {
      const faulty = faultyFileSystem();
      const dir = temporaryDirectory();
      let elapsed = 0;
      const used = opened(dir, { fs: faulty.fs, elapsed: () => elapsed });
      faulty.fail(code, (at) => (how === "once" ? at === call : at >= call));
      await useAll(used);
      const over = faulty.calls <= call;
      faulty.heal();
      // What has failed is told, then its rest is over, then nobody believes any more what he saw before.
      await turn();
      elapsed += 10_000;
      await turn();
      await used.keep("/again", "new");
      const { events } = used;
      expect((await bodyOf(used.store.get("/again")))?.toString(), `call ${call}, ${last(events)}`).toBe("new");
      await used.store.close();
      const other = opened(dir);
      for (const key of KEYS) await expectRightOrMiss(other.store, key);
      expect((await bodyOf(other.store.get("/again")))?.toString(), `call ${call}`).toBe("new");
      await other.store.close();
      if (over) break;
    }
  });
});

it("a purge that resolved although calls failed has purged", async () => {
  for (let call = 0; ; call++) {
    const faulty = faultyFileSystem();
    const dir = temporaryDirectory();
    const { store, keep } = opened(dir, { fs: faulty.fs });
    await keep("/a", "old");
    faulty.fail("EIO", (at) => at === call);
    const purged = await store.clear().then(
      () => true,
      () => false,
    );
    const over = faulty.calls <= call;
    faulty.heal();
    const other = opened(dir);
    const left = await bodyOf(other.store.get("/a"));
    expect(purged && left !== undefined, `call ${call}`).toBe(false);
    await store.close();
    await other.store.close();
    if (over) break;
  }
});

describe("a place where no directory can be made, nor is found", () => {
  // As below /proc, where Node's own recursive mkdir never returns.
  const nowhere = {
    ...nodeFileSystem,
    mkdirSync(path: string, options: unknown) {
      if (typeof options === "object") throw new Error("would never return");
      if (path === "/proc") return nodeFileSystem.mkdirSync(path);
      throw Object.assign(new Error("injected"), { code: "ENOENT" });
    },
  } as FileSystem;

  it("costs every entry, and nothing else", async () => {
    const { store, head, keep, events } = opened("/proc/no-such-directory/pages", { fs: nowhere });
    await keep("/a", "a");
    expect(await bodyOf(store.get("/a"))).toBeUndefined();
    expect(store.create("/a")).toBeUndefined();
    expect(store.lock("/a")).toBeUndefined();
    await store.released("/a", 1);
    expect(store.survivesPurges(head("/a"))).toBe(false);
    await expect(store.clear()).rejects.toMatchObject({ code: "ERR_DISKCACHE_PURGE" });
    expect(store.stats()).toMatchObject({ entries: 0, bytes: 0 });
    expect(events).toContainEqual({ type: "skip", reason: "unavailable", key: "/a" });
  });

  it("is said when the store is opened strictly", () => {
    expect(() => opened("/proc/no-such-directory/pages", { fs: nowhere, strict: true })).toThrow(
      expect.objectContaining({ code: "ERR_DISKCACHE_DIRECTORY" }),
    );
  });
});

it.each(["EPERM", "EBUSY"])(
  "a name that another program holds is waited for after %s, off the event loop",
  async (code) => {
    let held = true;
    const isEntry = (path: string): boolean => /\/[0-9a-f]{62}$/.test(path);
    const renameSync = (from: string, to: string): void => {
      if (!held || !isEntry(to)) return nodeFileSystem.renameSync(from, to);
      held = false;
      throw Object.assign(new Error("injected"), { code });
    };
    const { store, keep } = opened(temporaryDirectory(), { fs: { ...nodeFileSystem, renameSync } as FileSystem });
    await keep("/a", "a");
    expect(held).toBe(false);
    expect((await bodyOf(store.get("/a")))?.toString()).toBe("a");
    // Until the directory is counted, the number of entries is an estimate.
    await until(() => store.stats().entries === 1);
    expect(store.stats().ioErrors).toBe(0);
  },
);

describe("a full disk", () => {
  const isWrite = (_: number, name: string): boolean => /^(write|mkdir|link|symlink)/.test(name);

  it("pauses storing, serves what there is, and resumes by itself", async () => {
    const faulty = faultyFileSystem();
    let elapsed = 0;
    const { store, keep, events } = opened(temporaryDirectory(), { fs: faulty.fs, elapsed: () => elapsed });
    await keep("/a", "a");
    faulty.fail("ENOSPC", isWrite);
    await keep("/b", "b");
    expect(events.some(({ type }) => type === "pause")).toBe(true);
    expect((await bodyOf(store.get("/a")))?.toString()).toBe("a");
    const { calls } = faulty;
    await keep("/c", "c");
    expect(events.at(-1)).toMatchObject({ type: "skip", reason: "paused" });
    expect(faulty.calls - calls).toBeLessThan(10);
    faulty.heal();
    elapsed += 60;
    await keep("/c", "c");
    expect((await bodyOf(store.get("/c")))?.toString()).toBe("c");
    expect(events.at(-1)).toEqual({ type: "resume" });
  });

  it("lets a purge through by giving up entries, and rejects one that cannot be written down", async () => {
    const faulty = faultyFileSystem();
    const { store, keep, head } = opened(temporaryDirectory(), { fs: faulty.fs });
    for (let index = 0; index < 100; index++) store.put(head(`/${index}`), Buffer.from("x"));
    await keep("/a", "a");
    // Full until something is removed.
    let removed = false;
    faulty.fail("ENOSPC", (call, name) => {
      if (name === "unlinkSync") removed = true;
      return !removed && isWrite(call, name);
    });
    await store.purge([{ kind: "name", name: "/a", scope: undefined }], { soft: false });
    expect(await bodyOf(store.get("/a"))).toBeUndefined();
    faulty.fail("ENOSPC", isWrite);
    await expect(store.clear()).rejects.toMatchObject({ code: "ERR_DISKCACHE_PURGE" });
  });
});

describe("a directory that is taken away while it is used", () => {
  it.each([
    { given: "removed", take: (dir: string) => rmSync(dir, { recursive: true }) },
    { given: "moved aside", take: (dir: string) => renameSync(dir, `${dir}-aside`) },
    {
      given: "emptied",
      take: (dir: string) => readdirSync(dir).forEach((name) => rmSync(`${dir}/${name}`, { recursive: true })),
    },
  ])("$given: everything is a miss, is stored anew, and the numbers start anew", async ({ take }) => {
    const dir = `${temporaryDirectory()}/cache`;
    const { store, keep } = opened(dir, { memoryBytes: 2 ** 20 });
    for (let index = 0; index < 30; index++) await keep(`/${index}`, "x");
    await until(() => store.stats().entries === 30);
    take(dir);
    await turn();
    expect(await bodyOf(store.get("/1"))).toBeUndefined();
    await keep("/1", "new");
    expect((await bodyOf(opened(dir).store.get("/1")))?.toString()).toBe("new");
    await until(() => store.stats().entries === 1);
  });
});

describe("a long body that turns out damaged while it is read", () => {
  const BYTES = 1_000_000;

  /** An entry whose last bytes have changed since they were stored, and the moments of its removal. */
  async function damaged() {
    const dir = temporaryDirectory();
    const removals: (() => void)[] = [];
    const unlink = ((path: string, done: NoParamCallback) => void removals.push(() => unlinkNow(path, done))) as never;
    const used = opened(dir, { fs: { ...nodeFileSystem, unlink } });
    await used.keep("/a", bodyFor("/a", BYTES));
    const { file } = new Paths(dir).entry("/a");
    const bytes = readFileSync(file);
    bytes[bytes.length - 100]! ^= 1;
    writeFileSync(file, bytes);
    return { ...used, file, removals };
  }

  it("is gone before its reader is told, so that who asks again does not meet it", async () => {
    const { store, file, removals } = await damaged();
    let told = false;
    const read = bodyOf(store.get("/a")).finally(() => (told = true));
    await until(() => removals.length > 0);
    for (let turns = 0; turns < 10; turns++) await turn();
    expect(told).toBe(false);
    for (const remove of removals) remove();
    expect(await read).toBeUndefined();
    expect(existsSync(file)).toBe(false);
  });

  it("is removed once, however many read it: what has taken its place stays", async () => {
    const { store, keep, removals } = await damaged();
    const entry = (await store.get("/a"))!;
    const [one, other] = [entry.reader(), entry.reader()];
    const last = BYTES - 1;
    const first = one.read(last, BYTES).catch((error: unknown) => error);
    await until(() => removals.length === 1);
    removals.pop()!();
    expect(await first).toMatchObject({ code: "ERR_DISKCACHE_CORRUPT_ENTRY" });
    await keep("/a", "new");
    await expect(other.read(last, BYTES)).rejects.toMatchObject({ code: "ERR_DISKCACHE_CORRUPT_ENTRY" });
    one.close();
    other.close();
    expect(removals).toEqual([]);
    expect(store.stats().corrupt).toBe(1);
    expect((await bodyOf(store.get("/a")))?.toString()).toBe("new");
  });
});

describe("a clock that jumps", () => {
  it("back or forward leaves no entry that lives for ever, nor one from the future", async () => {
    const dir = temporaryDirectory();
    const { store, keep, clock } = opened(dir);
    await keep("/a", "a");
    clock.advance(-7200);
    expect(await bodyOf(store.get("/a"))).toBeUndefined();
    await keep("/b", "b");
    expect((await bodyOf(store.get("/b")))?.toString()).toBe("b");
    clock.advance(7200 + 3600);
    expect(await bodyOf(store.get("/a"))).toBeUndefined();
    expect(await bodyOf(store.get("/b"))).toBeUndefined();
    await keep("/b", "c");
    await store.clear();
    clock.advance(-100 * 24 * 3600);
    await keep("/b", "d");
    await store.purge([{ kind: "name", name: "/b", scope: undefined }], { soft: false });
    expect(await bodyOf(opened(dir, { clock }).store.get("/b"))).toBeUndefined();
  });
});
