/** Where the times of a file cannot be set: on some mounts, and under Node's permission model. They are hints, so
 * everything is stored all the same. */
import { execFile } from "node:child_process";
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { describe, expect, it, onTestFinished } from "vitest";
import { Neighbours } from "../../packages/core/src/store/peers/neighbours.js";
import { nodeFileSystem } from "../../packages/core/src/store/file-system.js";
import type { FileSystem } from "../../packages/core/src/store/file-system.js";
import { compileStore } from "../support/compiled-store.mjs";
import { temporaryDirectory } from "../support/temporary-directory.js";
import { bodyFor, bodyOf, opened, until } from "./opened.js";

const LONG = 300_000;

/** As the kernel says it, and as Node does of what it does not let pass: that one throws at once. */
function refusing(code: string, names: readonly string[]): FileSystem {
  const calls = names.map((name) => [
    name,
    (...given: unknown[]): void => {
      const error = Object.assign(new Error(`${code}: ${name}`), { code });
      const done = given.at(-1);
      if (typeof done !== "function" || code.startsWith("ERR_")) throw error;
      setImmediate(() => (done as (failed: Error) => void)(error));
    },
  ]);
  return { ...nodeFileSystem, ...Object.fromEntries(calls) } as FileSystem;
}

const THROUGH_DESCRIPTORS = ["futimes", "futimesSync"];
const AT_ALL = [...THROUGH_DESCRIPTORS, "lutimes", "lutimesSync"];

describe.each([
  { given: "a mount that lets nobody set times", fs: refusing("EPERM", AT_ALL) },
  { given: "a mount that knows no times", fs: refusing("ENOSYS", AT_ALL) },
  {
    given: "a process that may not set them through descriptors",
    fs: refusing("ERR_ACCESS_DENIED", THROUGH_DESCRIPTORS),
  },
])("on $given", ({ fs }) => {
  it("short and long entries are stored, found by others and not swept", async () => {
    const dir = temporaryDirectory();
    const { store, head, keep, events } = opened(dir, { fs });
    await keep("/short", "short");
    const writer = store.create("/long")!;
    writer.write(bodyFor("/long", LONG));
    expect(await writer.commit(head("/long"))).toBe(true);
    await store.close();
    rmSync(`${dir}/usage`, { recursive: true });

    const other = opened(dir, { fs });
    await until(() => other.store.stats().entries === 2);
    expect((await bodyOf(other.store.get("/short")))?.toString()).toBe("short");
    expect((await bodyOf(other.store.get("/long")))?.length).toBe(LONG);
    expect([events, other.events]).toEqual([[], []]);
  });
});

it("a process that holds a lock shows that it lives by writing", () => {
  const dir = temporaryDirectory();
  let elapsed = 0;
  const fs = refusing("EPERM", ["lutimesSync"]);
  const shown: string[] = [];
  const watching = {
    ...fs,
    writeSync: (...given: Parameters<FileSystem["writeSync"]>) => {
      shown.push(given[1]);
      return nodeFileSystem.writeSync(...given);
    },
  } as FileSystem;
  const neighbours = new Neighbours(
    watching,
    dir,
    () => elapsed,
    () => undefined,
  );
  onTestFinished(() => neighbours.close());
  neighbours.register();
  elapsed += 1000;
  neighbours.hold();
  expect(shown).toEqual(["."]);
  neighbours.release();
});

const run = promisify(execFile);
const PERMISSION = process.allowedNodeEnvironmentFlags.has("--permission")
  ? "--permission"
  : "--experimental-permission";

it("under Node's permission model entries are stored, found by others, purged and swept", async () => {
  const compiled = compileStore();
  onTestFinished(() => compiled.remove());
  const home = temporaryDirectory();
  const dir = join(home, "cache");
  mkdirSync(dir);
  const program = join(home, "program.mjs");
  const helpers = new URL("./open-store.mjs", import.meta.url).href;
  writeFileSync(
    program,
    `import { bodyOf, headOf, openStore, turn } from ${JSON.stringify(helpers)};
    const events = [];
    const open = () => openStore(${JSON.stringify(compiled.store)}, { dir: process.argv[2], strict: true, observe: (event) => events.push(event) });
    const store = await open();
    store.put(headOf(store, "/short"), Buffer.from("short"));
    const writer = store.create("/long");
    writer.write(Buffer.alloc(${LONG}, "x"));
    const committed = await writer.commit(headOf(store, "/long"));
    await store.flush();
    const other = await open();
    const found = [(await bodyOf(await other.get("/short"))).toString(), (await bodyOf(await other.get("/long"))).length];
    while (other.stats().entries < 2) await turn();
    await store.clear();
    while (store.stats().entries > 0) await turn();
    const left = [await other.get("/short"), await other.get("/long")];
    await Promise.all([store.close(), other.close()]);
    process.stdout.write(JSON.stringify({ committed, found, left, faults: events.filter(({ type }) => type !== "evict") }));`,
  );
  const flags = ["--no-warnings", PERMISSION, "--allow-fs-read=*", `--allow-fs-write=${dir}/*`];
  const { stdout } = await run(process.execPath, [...flags, program, dir]);
  expect(JSON.parse(stdout)).toEqual({ committed: true, found: ["short", LONG], left: [null, null], faults: [] });
});
