/** What the store does of its own (counting, evicting, sharing its usage, showing that it lives) is for no client: it
 * runs in no client's asynchronous context, and keeps none alive. */
import { AsyncLocalStorage } from "node:async_hooks";
import { expect, it, onTestFinished, vi } from "vitest";
import { nodeFileSystem } from "../../packages/core/src/store/file-system.js";
import type { FileSystem } from "../../packages/core/src/store/file-system.js";
import { temporaryDirectory } from "../support/temporary-directory.js";
import { opened, until } from "./opened.js";
import type { Opened } from "./opened.js";

const clients = new AsyncLocalStorage<string>();

/** Notes whose context each timer is made in from now on. */
function timersMade(): (string | undefined)[] {
  const made: (string | undefined)[] = [];
  for (const name of ["setTimeout", "setInterval"] as const) {
    const real = globalThis[name] as (...given: unknown[]) => NodeJS.Timeout;
    vi.spyOn(globalThis, name).mockImplementation((...given: unknown[]) => {
      made.push(clients.getStore());
      return real(...given);
    });
  }
  onTestFinished(() => void vi.restoreAllMocks());
  return made;
}

/** Everything that a client may cause, in that client's context. */
async function useAll({ store, head, keep, clock }: Opened, client: string): Promise<void> {
  await clients.run(client, async () => {
    for (let index = 0; index < 40; index++) store.put(head(`/${client}/${index}`), Buffer.from("x"));
    const lock = store.lock("/locked", { always: true });
    await keep("/kept", "x");
    clock.advance(61);
    await store.get("/kept");
    const writer = store.create(`/${client}/long`);
    for (let piece = 0; piece < 4; piece++) writer?.write(Buffer.alloc(200_000));
    await writer?.commit(head(`/${client}/long`));
    if (typeof lock === "object") lock.release();
    store.stats();
    await store.purge([{ kind: "tag", tag: "t" }], { soft: false });
    await store.clear();
    store.stats();
    for (let index = 0; index < 40; index++) store.put(head(`/${client}/${index}`), Buffer.from("x"));
    await store.flush();
    store.stats();
  });
}

it("makes its timers in no client's context", async () => {
  const made = timersMade();
  const dir = temporaryDirectory();
  const [one, other] = [opened(dir), opened(dir)];
  await useAll(one, "alice");
  await useAll(other, "bob");
  await until(() => made.length > 5);
  expect(made.filter((client) => client !== undefined)).toEqual([]);
});

it("tells of what it evicts, and of what fails meanwhile, in no client's context", async () => {
  const heard: [string, string | undefined][] = [];
  const fs = {
    ...nodeFileSystem,
    // Only the sweep lists what entries there are.
    readdirSync(path: string) {
      if (failing && /\/[0-9a-f]{2}$/.test(path)) throw Object.assign(new Error("injected"), { code: "EIO" });
      return nodeFileSystem.readdirSync(path);
    },
  } as FileSystem;
  let failing = false;
  const used = opened(temporaryDirectory(), {
    fs,
    maxEntries: 20,
    observe: ({ type }) => {
      if (type === "evict" || type === "error") heard.push([type, clients.getStore()]);
    },
  });
  await clients.run("alice", async () => {
    for (let index = 0; used.store.stats().evictions === 0; index++) {
      await used.keep(`/${index}`, "x");
      await new Promise((resolve) => setImmediate(resolve));
    }
  });
  failing = true;
  await clients.run("carol", async () => {
    await used.store.clear();
    used.store.stats();
  });
  await until(() => heard.some(([type]) => type === "error"));
  expect(heard.filter(([, client]) => client !== undefined)).toEqual([]);
});
