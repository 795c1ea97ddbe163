/** A disk that is too small for what is put on it: a real one where this process may mount one, and one that is told of everywhere. */
import { execFileSync } from "node:child_process";
import { appendFileSync, statfsSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import { nodeFileSystem } from "../../packages/core/src/store/file-system.js";
import type { FileSystem } from "../../packages/core/src/store/file-system.js";
import { temporaryDirectory } from "../support/temporary-directory.js";
import { allocated } from "./allocated.mjs";
import { bodyFor, bodyOf, opened, until } from "./opened.js";
import type { Opened } from "./opened.js";

const DISK_BYTES = 2 ** 20;
const KEYS = 300;

interface Disk {
  readonly dir: string;
  readonly fs: FileSystem;
  /** Takes all that is left. */
  fill(): void;
}

/** Only for those who may mount; `undefined` for others. */
function mounted(): Disk | undefined {
  const root = temporaryDirectory();
  try {
    execFileSync("mount", ["-t", "tmpfs", "-o", `size=${DISK_BYTES},nr_inodes=2000`, "tmpfs", root], {
      stdio: "ignore",
    });
  } catch {
    return undefined;
  }
  onTestFinished(() => void execFileSync("umount", ["-l", root]));
  const fill = (): void => {
    for (let free = 1; free > 0; free = statfsSync(root).bavail)
      appendFileSync(join(root, "stranger"), Buffer.alloc(free * 4096));
  };
  return { dir: join(root, "cache"), fs: nodeFileSystem, fill };
}

/** Writes that would pass the size are cut short, the next ones fail, as do new names on a full disk. */
function told(): Disk {
  const dir = join(temporaryDirectory(), "cache");
  let taken = 0;
  const free = (): number => Math.max(0, DISK_BYTES - taken - allocated(dir).bytes);
  const full = (): Error => Object.assign(new Error("the disk is full"), { code: "ENOSPC" });
  const fitting = (pieces: readonly Buffer[]): Buffer => {
    const bytes = Buffer.concat(pieces).subarray(0, free());
    if (bytes.length === 0 && pieces.some((piece) => piece.length > 0)) throw full();
    return bytes;
  };
  const fs = new Proxy(nodeFileSystem, {
    get(target, name: keyof FileSystem) {
      if (name === "writevSync") return (fd: number, pieces: Buffer[]) => nodeFileSystem.writeSync(fd, fitting(pieces));
      if (name === "writev")
        return (fd: number, pieces: Buffer[], at: number, done: (error: Error | null, written?: number) => void) => {
          setImmediate(() => {
            try {
              done(null, nodeFileSystem.writeSync(fd, fitting(pieces), 0, undefined, at));
            } catch (error) {
              done(error as Error);
            }
          });
        };
      if (!["mkdirSync", "symlinkSync", "linkSync"].includes(name)) return target[name];
      return (...given: unknown[]): unknown => {
        const made = String(given[name === "mkdirSync" ? 0 : 1]);
        if (free() < 4096 && nodeFileSystem.lstatSync(made, { throwIfNoEntry: false }) === undefined) throw full();
        return Reflect.apply(target[name], target, given);
      };
    },
  });
  return { dir, fs, fill: () => void (taken += free()) };
}

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
  { given: "that is mounted, if it may be", make: () => mounted() ?? told() },
  { given: "that is told of", make: told },
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
