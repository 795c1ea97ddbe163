/** Mutated entry files: each is put in the place of a good one and asked for. */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { crc32 } from "node:zlib";
import type { EntryHead } from "../../packages/core/src/store/contract.js";
import { DiskStore } from "../../packages/core/src/store/disk-store.js";
import { Paths } from "../../packages/core/src/store/paths.js";
import { decodeStoredValue } from "../../packages/core/src/stored/stored-value.js";
import type { StoredValue } from "../../packages/core/src/stored/stored-value.js";
import { MemoryWatch } from "./memory.js";
import type { Random } from "./random.js";

export interface FuzzResult {
  readonly seed: number;
  readonly runs: number;
  /** Answered with a whole, right body: the mutation hit nothing that counts. */
  readonly hits: number;
  readonly misses: number;
  /** What should not be: a throw, a body of another page. Each with the number of its run. */
  readonly wrong: readonly string[];
  readonly grownMib: number;
}

interface Good {
  readonly key: string;
  readonly body: Buffer;
  /** Its file. */
  readonly file: string;
  readonly bytes: Buffer;
  readonly store: DiskStore<StoredValue>;
  /** A changed body cannot be told where anybody can do the checksum. */
  readonly sealed: boolean;
}

const RESPONSE = [
  "r",
  "200 OK",
  "1700000000000 0 300 0 0 0 3600",
  "000100",
  "",
  "",
  "",
  "",
  "Content-Type",
  "text/html",
  "ETag",
  '"a"',
].join("\n");
const METAS = [
  RESPONSE,
  `v\naccept-language accept-language,cookie\n${"9f86d081884c7d65".repeat(2)} 1700000000000`,
  's\nparams=("utm_source")',
  "a\n3:GET 4:http 11:example.com 4:/a?b",
];
const SEALINGS = [{}, { secrets: [Buffer.alloc(32, 7)] }, { secrets: [Buffer.alloc(32, 7)], encrypt: true }];
const SIZES = [0, 300, 20_000, 300_000];

export async function fuzzFiles(dir: string, runs: number, random: Random): Promise<FuzzResult> {
  const goods = (await Promise.all(SEALINGS.map((sealing, n) => prepare(`${dir}/${n}`, sealing)))).flat();
  const memory = new MemoryWatch();
  const wrong: string[] = [];
  let hits = 0;
  for (let run = 0; run < runs; run++) {
    // Long ones cost a hundred times as much as the rest.
    const good = random.pick(goods.filter(({ body }) => body.length < 100_000 || random.chance(0.1)));
    const other = random.pick(goods).bytes;
    const checksums = random.below(3);
    const planted = mended(random.mutated(good.bytes, other), checksums);
    mkdirSync(dirname(good.file), { recursive: true });
    writeFileSync(good.file, planted);
    try {
      const body = await bodyOf(good);
      if (body !== undefined) hits++;
      const excused = checksums === BODY_TOO && !good.sealed;
      if (body !== undefined && !body.equals(good.body) && !excused) wrong.push(`run ${run}: another body`);
    } catch (error) {
      wrong.push(`run ${run}: ${String(error)}`);
    }
    memory.look(run, runs);
  }
  await Promise.all([...new Set(goods.map(({ store }) => store))].map((store) => store.close()));
  return { seed: random.seed, runs, hits, misses: runs - hits - wrong.length, wrong, grownMib: memory.grownMib };
}

const HEAD_ONLY = 1;
const BODY_TOO = 2;

// As somebody would do it who knows the format: the checksum of the head, or that of the body as well.
function mended(bytes: Buffer, checksums: number): Buffer {
  if (checksums < HEAD_ONLY || bytes.length < 128) return bytes;
  const headEnd = Math.min(bytes.length, 128 + bytes.readUInt32LE(20));
  if (checksums === BODY_TOO) bytes.writeUInt32LE(crc32(bytes.subarray(bytes.readUInt32LE(24))), 88);
  bytes.writeUInt32LE(crc32(bytes.subarray(16, headEnd)), 12);
  return bytes;
}

async function prepare(dir: string, sealing: object): Promise<Good[]> {
  const store = new DiskStore<StoredValue>({
    dir,
    memoryBytes: 0,
    maxSize: 2 ** 30,
    maxEntries: 1000,
    minFree: 0,
    maxBody: 2 ** 24,
    durability: "none",
    strict: true,
    allowPublicDir: true,
    clock: { now: () => Date.now() },
    decode: decodeStoredValue,
    ...sealing,
  });
  const paths = new Paths(dir);
  const kept = METAS.flatMap((meta, kind) =>
    SIZES.map((size) => {
      const key = `GET example.com /${kind}/${size}`;
      const body = Buffer.alloc(size, `${key};`);
      store.put(headOf(store, key, meta), body);
      return { key, body, file: paths.entry(key).file };
    }),
  );
  await store.flush();
  const sealed = "secrets" in sealing;
  return kept.map((good) => ({ ...good, bytes: readFileSync(good.file), store, sealed }));
}

function headOf(store: DiskStore<StoredValue>, key: string, meta: string): EntryHead {
  const named = { key, scope: "example.com", name: key, tags: ["a", "b"], meta };
  return { ...named, storedAt: Date.now(), expiresAt: Date.now() + 86_400_000, birth: store.position() };
}

// `undefined`: a miss, or damage that was noticed while it was read.
async function bodyOf({ store, key }: Good): Promise<Buffer | undefined> {
  const entry = await store.get(key);
  if (entry === undefined || entry.body !== undefined) return entry?.body;
  const reader = entry.reader();
  const pieces: Buffer[] = [];
  try {
    for (let at = 0; at < entry.bodyBytes;) {
      const piece = await reader.read(at, entry.bodyBytes);
      if (piece.length === 0) throw new Error("an empty piece");
      pieces.push(Buffer.from(piece));
      at += piece.length;
    }
    return Buffer.concat(pieces);
  } catch (error) {
    if ((error as { readonly code?: string }).code?.startsWith("ERR_DISKCACHE_") === true) return undefined;
    throw error;
  } finally {
    reader.close();
  }
}
