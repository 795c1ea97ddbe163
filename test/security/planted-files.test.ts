/** Whatever somebody puts where an entry lies: each trap catches a cache that opens, reads and believes it, and is a
 * miss for this one. */
import { execFileSync } from "node:child_process";
import {
  closeSync,
  constants,
  existsSync,
  ftruncateSync,
  linkSync,
  lstatSync,
  mkdirSync,
  openSync,
  readFileSync,
  readdirSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { open, readFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { crc32 } from "node:zlib";
import { describe, expect, it } from "vitest";
import { Paths } from "../../packages/core/src/store/paths.js";
import { bodyFor, bodyOf, opened, until } from "../store/opened.js";
import { filesBelow } from "../support/entry-files.js";
import { temporaryDirectory } from "../support/temporary-directory.js";
import { craft, readEntry } from "./crafted.js";

/** A cache such as one writes in an hour: one file a key, a length before the content, no questions asked. */
class NaiveCache {
  readonly dir = temporaryDirectory();
  /** Bytes it asked for. */
  asked = 0;

  file(key: string): string {
    return join(this.dir, encodeURIComponent(key));
  }

  set(key: string, content: string): void {
    const bytes = Buffer.from(content);
    const length = Buffer.alloc(8);
    length.writeBigUInt64LE(BigInt(bytes.length));
    writeFileSync(this.file(key), Buffer.concat([length, bytes]));
  }

  async get(key: string): Promise<string> {
    const bytes = await readFile(this.file(key));
    const length = Number(bytes.readBigUInt64LE());
    this.asked += length; // where it would say Buffer.alloc(length)
    return bytes.subarray(8, 8 + length).toString();
  }
}

describe("a naive cache", () => {
  it("serves one page for another", async () => {
    const cache = new NaiveCache();
    cache.set("/public", "for all");
    cache.set("/private", "for one");
    writeFileSync(cache.file("/public"), readFileSync(cache.file("/private")));
    expect(await cache.get("/public")).toBe("for one");
  });

  it("serves any file of the machine through a link", async () => {
    const cache = new NaiveCache();
    const elsewhere = join(temporaryDirectory(), "secrets");
    writeFileSync(elsewhere, "12345678password");
    symlinkSync(elsewhere, cache.file("/a"));
    expect(await cache.get("/a")).toBe("password");
  });

  it("waits for whoever holds the other end of a pipe, and serves what he says", async () => {
    const cache = new NaiveCache();
    execFileSync("mkfifo", [cache.file("/a")]);
    const page = cache.get("/a");
    const other = await open(cache.file("/a"), "w");
    const length = Buffer.alloc(8);
    length.writeBigUInt64LE(4n);
    await other.write(Buffer.concat([length, Buffer.from("evil")]));
    await other.close();
    expect(await page).toBe("evil");
  });

  it("asks for as much memory as the file says", async () => {
    const cache = new NaiveCache();
    cache.set("/a", "page");
    const bytes = readFileSync(cache.file("/a"));
    bytes.writeBigUInt64LE(2n ** 32n);
    writeFileSync(cache.file("/a"), bytes);
    await cache.get("/a");
    expect(cache.asked).toBe(2 ** 32);
  });

  it("serves what was written over its file under another name", async () => {
    const cache = new NaiveCache();
    cache.set("/a", "page");
    const other = join(temporaryDirectory(), "other");
    linkSync(cache.file("/a"), other);
    const fd = openSync(other, "r+");
    writeSync(fd, "evil", 8);
    closeSync(fd);
    expect(await cache.get("/a")).toBe("evil");
  });

  it("throws at a directory", async () => {
    const cache = new NaiveCache();
    mkdirSync(cache.file("/a"));
    await expect(cache.get("/a")).rejects.toMatchObject({ code: "EISDIR" });
  });
});

interface Trap {
  readonly given: string;
  readonly lay: (file: string, other: string) => void;
}

const HEAD_LENGTH = 20;
const BODY_OFFSET = 24;
const KEY_LENGTH = 28;
const TAG_COUNT = 44;
const BODY_LENGTH = 48;
const STORED_AT = 56;
const EXPIRES_AT = 64;
const BIRTH = 72;

// Any number of a preamble, its checksum mended as far as the file reaches.
function rewrite(file: string, change: (bytes: Buffer) => void): void {
  const bytes = readFileSync(file);
  change(bytes);
  const headEnd = Math.min(bytes.length, 128 + bytes.readUInt32LE(HEAD_LENGTH));
  bytes.writeUInt32LE(crc32(bytes.subarray(16, headEnd)), 12);
  writeFileSync(file, bytes);
}

const NUMBERS: readonly Trap[] = [
  { given: "a head of 4 GB", lay: (file) => rewrite(file, (bytes) => bytes.writeUInt32LE(0xffff_ffff, HEAD_LENGTH)) },
  {
    given: "a body that begins at 4 GB",
    lay: (file) => rewrite(file, (b) => b.writeUInt32LE(0xffff_ffff, BODY_OFFSET)),
  },
  { given: "a key of 4 GB", lay: (file) => rewrite(file, (bytes) => bytes.writeUInt32LE(0xffff_ffff, KEY_LENGTH)) },
  { given: "four billion tags", lay: (file) => rewrite(file, (bytes) => bytes.writeUInt32LE(0xffff_ffff, TAG_COUNT)) },
  { given: "a million tags", lay: (file) => rewrite(file, (bytes) => bytes.writeUInt32LE(1_000_000, TAG_COUNT)) },
  { given: "a body of 4 GB", lay: (file) => rewrite(file, (bytes) => bytes.writeDoubleLE(2 ** 32, BODY_LENGTH)) },
  { given: "a body of all there is", lay: (file) => rewrite(file, (b) => b.writeDoubleLE(Infinity, BODY_LENGTH)) },
  { given: "a body of less than nothing", lay: (file) => rewrite(file, (b) => b.writeDoubleLE(-1, BODY_LENGTH)) },
  { given: "a body of no number of bytes", lay: (file) => rewrite(file, (b) => b.writeDoubleLE(NaN, BODY_LENGTH)) },
  { given: "a body of half a byte", lay: (file) => rewrite(file, (bytes) => bytes.writeDoubleLE(0.5, BODY_LENGTH)) },
  { given: "no moment", lay: (file) => rewrite(file, (bytes) => bytes.writeDoubleLE(NaN, STORED_AT)) },
  { given: "no end", lay: (file) => rewrite(file, (bytes) => bytes.writeDoubleLE(NaN, EXPIRES_AT)) },
  { given: "half a birth", lay: (file) => rewrite(file, (bytes) => bytes.writeDoubleLE(0.5, BIRTH)) },
  {
    given: "two petabytes, all of them there and none of them on disk",
    lay: (file) => {
      rewrite(file, (bytes) => bytes.writeDoubleLE(2 ** 51, BODY_LENGTH));
      const fd = openSync(file, "r+");
      try {
        ftruncateSync(fd, 2 ** 51);
      } catch {
        // The file system has no files as long as that: then it only claims them.
      } finally {
        closeSync(fd);
      }
    },
  },
];

const THINGS: readonly Trap[] = [
  { given: "a pipe", lay: (file) => (rmSync(file), void execFileSync("mkfifo", [file])) },
  { given: "a link to a file of the machine", lay: (file) => (rmSync(file), symlinkSync("/etc/hostname", file)) },
  { given: "a link to a device", lay: (file) => (rmSync(file), symlinkSync("/dev/zero", file)) },
  { given: "a link to itself", lay: (file) => (rmSync(file), symlinkSync(file, file)) },
  { given: "a link to the entry of another key", lay: (file, other) => (rmSync(file), symlinkSync(other, file)) },
  { given: "a second name", lay: (file) => linkSync(file, `${file.slice(0, -1)}-`) },
  { given: "a directory", lay: (file) => (rmSync(file), mkdirSync(file)) },
  { given: "the entry of another key", lay: (file, other) => writeFileSync(file, readFileSync(other)) },
  {
    given: "the entry of another key, its name changed in its head",
    lay: (file, other) => {
      const { head, body } = readEntry(other);
      craft(file, () => ({ head: { ...head, key: `${head.key} ` }, body }));
    },
  },
];

describe("in the place of an entry", () => {
  it.each([...THINGS, ...NUMBERS])("$given is a miss, told and gone", async ({ lay }) => {
    for (const bytes of [1000, 400_000]) {
      const dir = temporaryDirectory();
      const { store, events, keep } = opened(dir);
      await keep("/a", bodyFor("/a", bytes));
      await keep("/b", bodyFor("/b", bytes));
      const paths = new Paths(dir);
      const { file } = paths.entry("/a");
      lay(file, paths.entry("/b").file);

      expect(await bodyOf(store.get("/a"))).toBeUndefined();
      expect(events.filter(({ type }) => type === "corrupt")).toHaveLength(1);
      expect(lstatSync(file, { throwIfNoEntry: false })).toBeUndefined();
      expect((await bodyOf(store.get("/b")))?.equals(bodyFor("/b", bytes))).toBe(true);
    }
  });

  it("a gigabyte of zeros that agrees with its checksums is read in pieces, and never gathered", async () => {
    const dir = temporaryDirectory();
    const { store, keep } = opened(dir);
    await keep("/a", bodyFor("/a", 400_000));
    const { file } = new Paths(dir).entry("/a");
    const length = 2 ** 30;
    const zeros = crc32(Buffer.alloc(262_144));
    const table = Buffer.alloc((length / 262_144) * 4);
    for (let at = 0; at < table.length; at += 4) table.writeUInt32LE(zeros, at);
    rewrite(file, (bytes) => {
      bytes.writeDoubleLE(length, BODY_LENGTH);
      bytes.writeUInt32LE(crc32(table), 88);
    });
    const bodyAt = readFileSync(file).readUInt32LE(BODY_OFFSET);
    const fd = openSync(file, "r+");
    ftruncateSync(fd, bodyAt);
    writeSync(fd, table, 0, table.length, bodyAt + length);
    closeSync(fd);

    const entry = (await store.get("/a"))!;
    expect([entry.bodyBytes, entry.body]).toEqual([length, undefined]);
    const reader = entry.reader();
    expect((await reader.read(0, length)).length).toBe(262_144);
    expect((await reader.read(length - 1, length)).equals(Buffer.alloc(1))).toBe(true);
    reader.close();
  });
});

describe("an invalidation log", () => {
  it.each([
    { given: "that has grown by a terabyte of zeros", lay: (log: string) => truncateSync(log, 2 ** 40) },
    { given: "that is a pipe", lay: (log: string) => (rmSync(log), void execFileSync("mkfifo", [log])) },
    { given: "that is a link to a device", lay: (log: string) => (rmSync(log), symlinkSync("/dev/zero", log)) },
  ])("$given costs what was kept, and holds up nobody", async ({ lay }) => {
    const dir = temporaryDirectory();
    const { store, keep } = opened(dir);
    await keep("/a", "page");
    const log = readdirSync(dir).find((name) => name.startsWith("invalidations."))!;
    lay(join(dir, log));
    await new Promise(setImmediate);
    for (const cache of [store, opened(dir).store]) expect(await bodyOf(cache.get("/a"))).toBeUndefined();
    await keep("/a", "anew");
    expect((await bodyOf(opened(dir).store.get("/a")))?.toString()).toBe("anew");
  });
});

describe("in the way of what is written", () => {
  it.each([
    { given: "a link under the name of an entry", lay: (file: string, outside: string) => symlinkSync(outside, file) },
    { given: "another name of a stranger's file", lay: (file: string, outside: string) => linkSync(outside, file) },
  ])("$given is replaced, and what it stands for is left alone", async ({ lay }) => {
    const dir = temporaryDirectory();
    const { store, keep } = opened(dir);
    await keep("/other", "other");
    const { file } = new Paths(dir).entry("/a");
    const outside = join(temporaryDirectory(), "precious");
    writeFileSync(outside, "precious");
    mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
    lay(file, outside);
    await keep("/a", "page");
    expect((await bodyOf(store.get("/a")))?.toString()).toBe("page");
    expect(readFileSync(outside, "utf8")).toBe("precious");
    expect(lstatSync(file).isFile()).toBe(true);
  });

  it("temporary files have names that nobody can foresee, and are made anew", async () => {
    const dir = temporaryDirectory();
    const names = new Set<string>();
    for (const _ of [1, 2]) {
      const { store } = opened(dir);
      const writer = store.create("/a")!;
      writer.write(bodyFor("/a", 300_000));
      let temp: string | undefined;
      await until(() => (temp = filesBelow(dir).find((file) => /\/tmp-/.test(file) && !names.has(file))) !== undefined);
      names.add(temp!);
      const random = /-([0-9a-f]{6})-\d+$/.exec(temp!)?.[1];
      expect(random).toBeDefined();
      expect(() => openSync(temp!, constants.O_CREAT | constants.O_EXCL)).toThrow();
      writer.abort();
      await until(() => !existsSync(temp!));
    }
    expect(names.size).toBe(2);
  });
});
