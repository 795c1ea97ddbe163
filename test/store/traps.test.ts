/** What may stand in the place of an entry: a miss each time, counted, and gone where it is ours to remove. Nothing
 * hangs, nothing is followed. */
import { execFileSync } from "node:child_process";
import {
  copyFileSync,
  existsSync,
  linkSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { describe, expect, it } from "vitest";
import { Paths } from "../../packages/core/src/store/paths.js";
import { temporaryDirectory } from "../support/temporary-directory.js";
import { bodyFor, bodyOf, isSwept, opened, until } from "./opened.js";

interface Trap {
  readonly given: string;
  /** Puts something else in the place of the file. */
  readonly lay: (file: string, outside: string, other: string) => void;
  /** Whether it is still there afterwards. */
  readonly stays?: boolean;
  /** Whether what was kept can still be told from it by who has read it before: its checksums and its body are what
   * they were. */
  readonly harmless?: boolean;
}

const TRAPS: readonly Trap[] = [
  { given: "a pipe", lay: (file) => (rmSync(file), void execFileSync("mkfifo", [file])) },
  { given: "a symbolic link to an entry", lay: (file, _, other) => (rmSync(file), symlinkSync(other, file)) },
  { given: "a symbolic link to nowhere", lay: (file) => (rmSync(file), symlinkSync("/nowhere/at/all", file)) },
  { given: "a second name of the file", lay: (file, outside) => linkSync(file, outside), harmless: true },
  { given: "an empty directory", lay: (file) => (rmSync(file), mkdirSync(file)) },
  {
    given: "a directory with something in it",
    lay: (file) => (rmSync(file), mkdirSync(file), writeFileSync(join(file, "precious"), "")),
    stays: true,
  },
  { given: "an empty file", lay: (file) => writeFileSync(file, "") },
  { given: "the file of another key", lay: (file, _, other) => copyFileSync(other, file) },
  { given: "text", lay: (file) => writeFileSync(file, "<p>hello</p>".repeat(100)) },
  { given: "zeros", lay: (file) => writeFileSync(file, Buffer.alloc(lstatSync(file).size)) },
  rewritten("a file that claims a terabyte", (bytes) => bytes.writeDoubleLE(2 ** 40, 48)),
  rewritten("a later format version", (bytes) => bytes.writeUInt32LE(2, 8)),
  rewritten("an earlier format version", (bytes) => bytes.writeUInt32LE(0, 8)),
  rewritten("a flag nobody knows", (bytes) => bytes.writeUInt32LE(64, 16)),
];

/** What has been read before need not be looked at as closely. */
const BEFORE = TRAPS.flatMap((trap) => [
  { ...trap, reads: 0 },
  ...(trap.harmless === true ? [] : [{ ...trap, reads: 2 }]),
]);

function rewritten(given: string, change: (bytes: Buffer) => void): Trap {
  const lay = (file: string): void => {
    const bytes = readFileSync(file);
    change(bytes);
    writeFileSync(file, bytes);
  };
  return { given, lay, harmless: true };
}

describe.each([1000, 400_000])("in the place of an entry with a body of %i bytes", (bytes) => {
  it.each(BEFORE)("$given is a miss, counted and taken away ($reads reads before)", async (trap) => {
    const { lay, stays = false, reads } = trap;
    const dir = temporaryDirectory();
    const { store, keep } = opened(dir);
    await keep("/a", bodyFor("/a", bytes));
    await keep("/b", bodyFor("/b", bytes));
    for (let read = 0; read < reads; read++)
      expect((await bodyOf(store.get("/a")))?.equals(bodyFor("/a", bytes))).toBe(true);
    const paths = new Paths(dir);
    const { file } = paths.entry("/a");
    const outside = join(temporaryDirectory(), "outside");
    lay(file, outside, paths.entry("/b").file);

    expect(await bodyOf(store.get("/a"))).toBeUndefined();
    // More than once where a sweep meets it while a slow disk is waited for.
    expect(store.stats().corrupt).toBeGreaterThan(0);
    expect(existsSync(file) || lstatSync(file, { throwIfNoEntry: false }) !== undefined).toBe(stays);
    expect((await bodyOf(store.get("/b")))?.equals(bodyFor("/b", bytes))).toBe(true);
    if (stays) return;
    await keep("/a", bodyFor("/a", 10));
    expect((await bodyOf(store.get("/a")))?.equals(bodyFor("/a", 10))).toBe(true);
  });

  it("two files that were swapped are two misses", async () => {
    const dir = temporaryDirectory();
    const { store, keep } = opened(dir);
    await keep("/a", bodyFor("/a", bytes));
    await keep("/b", bodyFor("/b", bytes));
    const paths = new Paths(dir);
    const [one, other] = [paths.entry("/a").file, paths.entry("/b").file];
    const kept = readFileSync(one);
    copyFileSync(other, one);
    writeFileSync(other, kept);
    expect(await bodyOf(store.get("/a"))).toBeUndefined();
    expect(await bodyOf(store.get("/b"))).toBeUndefined();
  });

  it.each([0, 2])(
    "any one byte changed after %i reads is a miss or changes nothing that is given out",
    async (reads) => {
      const dir = temporaryDirectory();
      const { store, keep } = opened(dir);
      const { file } = new Paths(dir).entry("/a");
      await keep("/a", bodyFor("/a", bytes));
      const whole = readFileSync(file);
      const expected = bodyFor("/a", bytes);
      const step = Math.ceil(whole.length / 20);
      for (let at = 0; at < whole.length; at += at < 144 ? 1 : step) {
        const damaged = Buffer.from(whole);
        damaged[at] = (damaged[at] as number) ^ 0xff;
        mkdirSync(dirname(file), { recursive: true }); // an empty one may have been swept away
        writeFileSync(file, whole);
        for (let read = 0; read < reads; read++) expect((await bodyOf(store.get("/a")))?.equals(expected)).toBe(true);
        writeFileSync(file, damaged);
        const body = await bodyOf(store.get("/a"));
        expect(body?.equals(expected) ?? true, `byte ${at}`).toBe(true);
        if (body === undefined) await until(() => !existsSync(file));
      }
    },
  );

  it.each([0.1, 0.5, 0.99, 1.1])("a file of %f times its length is a miss", async (share) => {
    const dir = temporaryDirectory();
    const { store, keep } = opened(dir);
    const { file } = new Paths(dir).entry("/a");
    await keep("/a", bodyFor("/a", bytes));
    for (let read = 0; read < 2; read++) await bodyOf(store.get("/a"));
    truncateSync(file, Math.floor(lstatSync(file).size * share));
    expect(await bodyOf(store.get("/a"))).toBeUndefined();
    expect(store.stats().corrupt).toBeGreaterThan(0);
  });
});

describe("in the place of a directory of ours", () => {
  it("a link to somewhere else is neither written through nor swept", async () => {
    const dir = temporaryDirectory();
    const { store, head, keep } = opened(dir);
    const { shard } = new Paths(dir).entry("/a");
    await keep("/a", "x");
    rmSync(shard, { recursive: true });
    const elsewhere = temporaryDirectory();
    const stranger = join(elsewhere, "0".repeat(62));
    writeFileSync(stranger, "precious");
    symlinkSync(elsewhere, shard);
    store.put(head("/a"), Buffer.from("y"));
    await store.clear();
    await store.flush();
    await until(() => isSwept(dir));
    expect(readFileSync(stranger, "utf8")).toBe("precious");
    expect(lstatSync(elsewhere).isDirectory()).toBe(true);
  });
});
