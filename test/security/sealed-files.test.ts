/** Entries under a `secret`: what somebody can do who writes into the directory, or reads it, and does not know it. */
import { existsSync, mkdirSync, readFileSync, readdirSync, writeFileSync } from "node:fs";
import { basename, dirname } from "node:path";
import { crc32 } from "node:zlib";
import { describe, expect, it } from "vitest";
import type { DiskStoreOptions } from "../../packages/core/src/store/disk-store-options.js";
import { Paths } from "../../packages/core/src/store/paths.js";
import { bodyFor, bodyOf, opened, until } from "../store/opened.js";
import { filesBelow } from "../support/entry-files.js";
import { temporaryDirectory } from "../support/temporary-directory.js";

type Sealing = Pick<DiskStoreOptions<string>, "secrets" | "encrypt">;

const SECRET = Buffer.from("a secret that only the application knows");
const OTHER = Buffer.from("what somebody else thinks of instead");
const PLAIN: Sealing = {};
const SEALED: Sealing = { secrets: [SECRET] };
const ENCRYPTED: Sealing = { secrets: [SECRET], encrypt: true };
const CHUNK_BYTES = 262_144;
const PREAMBLE_BYTES = 128;

/** The length of the tags. */
const MODES = [
  { mode: "sealed", sealing: SEALED, tagBytes: 32 },
  { mode: "encrypted", sealing: ENCRYPTED, tagBytes: 16 },
] as const;
const SIZES = [0, 1000, 400_000];

/** Puts it the long way, in pieces that fit no chunk. */
async function keepStreamed({ store, head }: ReturnType<typeof opened>, key: string, body: Buffer): Promise<void> {
  const writer = store.create(key)!;
  for (let at = 0; at < body.length; at += 70_001) writer.write(body.subarray(at, at + 70_001));
  expect(await writer.commit(head(key))).toBe(true);
}

// The sweep may have taken away a directory that had become empty.
function plant(file: string, bytes: Buffer): void {
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, bytes);
}

function rewrite(file: string, change: (bytes: Buffer) => Buffer | void): void {
  const bytes = readFileSync(file);
  writeFileSync(file, repaired(change(bytes) ?? bytes));
}

// Anybody can do a checksum.
function repaired(bytes: Buffer): Buffer {
  const headEnd = Math.min(bytes.length, PREAMBLE_BYTES + bytes.readUInt32LE(20));
  bytes.writeUInt32LE(crc32(bytes.subarray(16, headEnd)), 12);
  return bytes;
}

describe("a file that somebody has written", () => {
  it.each(SIZES)("is served by a cache without a secret (body of %i bytes)", async (bytes) => {
    const dir = temporaryDirectory();
    const victim = opened(dir, PLAIN);
    await victim.keep("/a", bodyFor("/a", bytes));
    await opened(dir, PLAIN).keep("/a", bodyFor("forged", bytes + 1));
    expect((await bodyOf(victim.store.get("/a")))?.equals(bodyFor("forged", bytes + 1))).toBe(true);
  });

  it.each([
    { by: "without a secret", victim: SEALED, forger: PLAIN },
    { by: "without a secret", victim: ENCRYPTED, forger: PLAIN },
    { by: "with another secret", victim: SEALED, forger: { secrets: [OTHER] } },
    { by: "with another secret", victim: ENCRYPTED, forger: { secrets: [OTHER], encrypt: true } },
    { by: "with the secret, but not encrypted", victim: ENCRYPTED, forger: SEALED },
    { by: "with the secret, and encrypted", victim: SEALED, forger: ENCRYPTED },
    { by: "with a secret, for a cache without one", victim: PLAIN, forger: SEALED },
    { by: "and encrypted, for a cache without a secret", victim: PLAIN, forger: ENCRYPTED },
  ])("$by is a miss, told and taken away", async ({ victim, forger }) => {
    for (const bytes of SIZES) {
      const dir = temporaryDirectory();
      const { store, events, keep } = opened(dir, victim);
      await keep("/a", bodyFor("/a", bytes));
      await opened(dir, forger).keep("/a", bodyFor("forged", bytes));
      expect(await bodyOf(store.get("/a"))).toBeUndefined();
      expect(events).toContainEqual(expect.objectContaining({ type: "corrupt" }));
      expect(existsSync(new Paths(dir).entry("/a").file)).toBe(false);
      await keep("/a", bodyFor("/a", bytes));
      expect((await bodyOf(store.get("/a")))?.equals(bodyFor("/a", bytes))).toBe(true);
    }
  });
});

describe.each(MODES)("an entry that is $mode", ({ sealing, tagBytes }) => {
  it.each(SIZES)(
    "with any byte of its head or its tags changed, and the checksum mended, is a miss (%i)",
    async (bytes) => {
      const dir = temporaryDirectory();
      const { store, keep } = opened(dir, sealing);
      const { file } = new Paths(dir).entry("/a");
      await keep("/a", bodyFor("/a", bytes));
      const whole = readFileSync(file);
      const bodyAt = whole.readUInt32LE(24);
      const places = Array.from({ length: bodyAt - 16 }, (_, n) => 16 + n);
      if (bytes > 0) places.push(bodyAt, bodyAt + bytes - 1, bodyAt + bytes, whole.length - 1);
      for (const place of places) {
        const forged = Buffer.from(whole);
        forged[place] = forged[place]! ^ 1;
        plant(file, repaired(forged));
        expect(await bodyOf(store.get("/a")), `byte ${place}`).toBeUndefined();
        await until(() => !existsSync(file));
      }
      plant(file, whole);
      expect((await bodyOf(store.get("/a")))?.equals(bodyFor("/a", bytes))).toBe(true);
    },
  );

  it("is a miss under the name of another, even one that claims its key", async () => {
    const dir = temporaryDirectory();
    const { store, keep } = opened(dir, sealing);
    await keep("/a", bodyFor("/a", 1000));
    await keep("/b", bodyFor("/b", 1000));
    const paths = new Paths(dir);
    const [one, other] = [paths.entry("/a").file, paths.entry("/b").file];
    plant(other, readFileSync(one));
    expect(await bodyOf(store.get("/b"))).toBeUndefined();
    // The sweep, which knows names and no keys, is not deceived either.
    plant(other, readFileSync(one));
    const heads: string[] = [];
    for await (const { key } of store.heads()) heads.push(key);
    expect(heads).toEqual(["/a"]);
    expect(store.stats().corrupt).toBe(2);
  });

  it.each([
    {
      given: "its chunks in another order",
      change: (bytes: Buffer, bodyAt: number, tableAt: number) => {
        swap(bytes, bodyAt, bodyAt + CHUNK_BYTES, CHUNK_BYTES);
        swap(bytes, tableAt, tableAt + tagBytes, tagBytes);
      },
    },
    {
      given: "a chunk less",
      change: (bytes: Buffer, bodyAt: number, tableAt: number) => {
        bytes.writeDoubleLE(2 * CHUNK_BYTES, 48);
        return Buffer.concat([
          bytes.subarray(0, bodyAt + 2 * CHUNK_BYTES),
          bytes.subarray(tableAt, tableAt + 2 * tagBytes),
        ]);
      },
    },
    {
      given: "a byte less",
      change: (bytes: Buffer, _: number, tableAt: number) => {
        bytes.writeDoubleLE(bytes.readDoubleLE(48) - 1, 48);
        return Buffer.concat([bytes.subarray(0, tableAt - 1), bytes.subarray(tableAt)]);
      },
    },
    {
      given: "a chunk of another entry",
      change: (bytes: Buffer, bodyAt: number, tableAt: number, other: Buffer) => {
        other.copy(bytes, bodyAt, bodyAt, bodyAt + CHUNK_BYTES);
        other.copy(bytes, tableAt, tableAt, tableAt + tagBytes);
      },
    },
    {
      given: "the body and the tags of another entry",
      change: (bytes: Buffer, bodyAt: number, _: number, other: Buffer) => void other.copy(bytes, bodyAt, bodyAt),
    },
    {
      given: "the salt of another entry",
      change: (bytes: Buffer, _: number, __: number, other: Buffer) => void other.copy(bytes, 92, 92, 124),
    },
  ])("is not given out with $given", async ({ change }) => {
    const dir = temporaryDirectory();
    const site = opened(dir, sealing);
    const body = Buffer.concat([bodyFor("1", CHUNK_BYTES), bodyFor("2", CHUNK_BYTES), bodyFor("3", 1000)]);
    const paths = new Paths(dir);
    await keepStreamed(site, "/a", body);
    await keepStreamed(site, "/b", body);
    const { file } = paths.entry("/a");
    const other = readFileSync(paths.entry("/b").file);
    rewrite(file, (bytes) => {
      const bodyAt = bytes.readUInt32LE(24);
      return change(bytes, bodyAt, bodyAt + body.length, other);
    });
    expect(await bodyOf(site.store.get("/a"))).toBeUndefined();
    await until(() => !existsSync(file));
    expect((await bodyOf(site.store.get("/b")))?.equals(body)).toBe(true);
  });

  it("is read from the middle, each chunk by itself", async () => {
    const dir = temporaryDirectory();
    const site = opened(dir, sealing);
    const body = bodyFor("/a", 3 * CHUNK_BYTES + 5);
    await keepStreamed(site, "/a", body);
    rewrite(new Paths(dir).entry("/a").file, (bytes) => void bytes.writeUInt8(bytes[70_000]! ^ 1, 70_000));
    const entry = (await site.store.get("/a"))!;
    const reader = entry.reader();
    for (const [start, end] of [
      [2 * CHUNK_BYTES + 17, 2 * CHUNK_BYTES + 40],
      [CHUNK_BYTES, CHUNK_BYTES + 1],
      [3 * CHUNK_BYTES, body.length],
    ] as const)
      expect((await reader.read(start, end)).equals(body.subarray(start, end))).toBe(true);
    await expect(reader.read(0, 10)).rejects.toMatchObject({ code: "ERR_DISKCACHE_CORRUPT_ENTRY" });
    reader.close();
  });

  it("can be read along while it is written, wherever one begins", async () => {
    const site = opened(temporaryDirectory(), sealing);
    const body = bodyFor("/a", 2 * CHUNK_BYTES + 1000);
    const writer = site.store.create("/a")!;
    const along = writer.reader();
    for (let at = 0; at < body.length; at += 70_001) writer.write(body.subarray(at, at + 70_001));
    const places = [0, 1, 15, 16, 17, CHUNK_BYTES - 1, CHUNK_BYTES, CHUNK_BYTES + 5, body.length - 1];
    const same = async () => {
      for (const start of places) {
        const piece = await along.read(start, start + 100_000);
        expect(piece.length).toBeGreaterThan(0);
        expect(piece.equals(body.subarray(start, start + piece.length)), `from ${start}`).toBe(true);
      }
    };
    await same(); // partly from memory
    expect(await writer.commit(site.head("/a"))).toBe(true);
    await same(); // from the file
    along.close();
    expect((await bodyOf(site.store.get("/a")))?.equals(body)).toBe(true);
  });

  it("is opened with any secret of a rotation, and sealed with the first", async () => {
    const dir = temporaryDirectory();
    const before = opened(dir, sealing);
    await before.keep("/old", "old");
    const during = opened(dir, { ...sealing, secrets: [OTHER, SECRET] });
    expect((await bodyOf(during.store.get("/old")))?.toString()).toBe("old");
    await during.keep("/new", "new");
    const after = opened(dir, { ...sealing, secrets: [OTHER] });
    expect((await bodyOf(after.store.get("/new")))?.toString()).toBe("new");
    expect(await after.store.get("/old")).toBeUndefined();
    expect(await before.store.get("/new")).toBeUndefined();
  });

  it("is purged by every process, whatever secret it has", async () => {
    const dir = temporaryDirectory();
    const [one, two, stranger] = [opened(dir, sealing), opened(dir, sealing), opened(dir, { secrets: [OTHER] })];
    await one.keep("/a", "a");
    await one.keep("/b", "b");
    expect((await bodyOf(two.store.get("/a")))?.toString()).toBe("a");
    await two.store.purge([{ kind: "name", name: "/a", scope: undefined }], { soft: false });
    await stranger.store.purge([{ kind: "name", name: "/b", scope: undefined }], { soft: false });
    expect([await one.store.get("/a"), await one.store.get("/b")]).toEqual([undefined, undefined]);
  });

  it("is refused when its head has no room for a tag", async () => {
    const { store, events, head } = opened(temporaryDirectory(), sealing);
    const room = 65_536 - PREAMBLE_BYTES - "/a".length * 2 - "host".length - 32;
    expect(store.put(head("/a", { meta: "m".repeat(room + 1) }), Buffer.alloc(0))).toBe(false);
    expect(events).toContainEqual({ type: "skip", reason: "head-too-long", key: "/a" });
    expect(store.put(head("/a", { meta: "m".repeat(room) }), Buffer.alloc(0))).toBe(true);
    await store.flush();
    expect((await store.get("/a"))?.head.meta.length).toBe(room);
  });
});

describe("what lies on the disk", () => {
  const CANARY = "canary-4f1d";

  async function store(dir: string, sealing: Sealing): Promise<() => string> {
    const site = opened(dir, sealing);
    const more = { scope: `${CANARY}.example`, name: `/${CANARY}`, tags: [CANARY], meta: `Set-Thing: ${CANARY}` };
    site.store.put(site.head(`GET ${CANARY}`, more), Buffer.from(`<p>${CANARY}</p>`));
    await site.store.flush();
    await keepStreamed(site, CANARY, bodyFor(CANARY, 600_000));
    // One that is still being written, part of it on disk already.
    const writer = site.store.create("growing")!;
    writer.write(bodyFor(CANARY, 300_000));
    await until(() => names(dir).some((name) => name.startsWith("tmp-")));
    return () => {
      writer.abort();
      return filesBelow(dir)
        .map((file) => readFileSync(file, "latin1"))
        .join("");
    };
  }

  it.each([
    { given: "without a secret", sealing: PLAIN, readable: true },
    { given: "sealed", sealing: SEALED, readable: true },
    { given: "encrypted", sealing: ENCRYPTED, readable: false },
  ])("shows a page to who reads it: $given, $readable", async ({ sealing, readable }) => {
    const dir = temporaryDirectory();
    const content = await store(dir, sealing);
    expect(content().includes(CANARY)).toBe(readable);
    expect(content().includes(SECRET.toString())).toBe(false);
  });
});

function swap(bytes: Buffer, one: number, other: number, length: number): void {
  const kept = Buffer.from(bytes.subarray(one, one + length));
  bytes.copy(bytes, one, other, other + length);
  kept.copy(bytes, other);
}

function names(dir: string): string[] {
  return readdirSync(dir, { recursive: true, encoding: "utf8" }).map((name) => basename(name));
}
