/** The end of a store while something of it is under way. */
import { describe, expect, it } from "vitest";
import { nodeFileSystem } from "../../packages/core/src/store/file-system.js";
import { temporaryDirectory } from "../support/temporary-directory.js";
import { opened, until } from "./opened.js";

describe("a store that is closed", () => {
  it("keeps its log open until a purge is on the device", async () => {
    const flushes: (() => void)[] = [];
    const open = new Set<number>();
    let flushedOpen: boolean | undefined;
    const fs = {
      ...nodeFileSystem,
      openSync: (...given: Parameters<typeof nodeFileSystem.openSync>) => {
        const fd = nodeFileSystem.openSync(...given);
        open.add(fd);
        return fd;
      },
      closeSync: (fd: number) => {
        open.delete(fd);
        nodeFileSystem.closeSync(fd);
      },
      fdatasync: (fd: number, done: (error: Error | null) => void) => {
        flushes.push(() => {
          flushedOpen = open.has(fd);
          done(null);
        });
      },
    } as typeof nodeFileSystem;
    const { store } = opened(temporaryDirectory(), { fs, durability: "fsync" });
    const purging = store.purge([{ kind: "tag", tag: "t" }], { soft: false });
    await until(() => flushes.length > 0);
    const closing = store.close();
    // Whatever it does by itself is done by then.
    for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve));
    for (const flush of flushes) flush();
    await purging;
    await closing;
    expect(flushedOpen).toBe(true);
  });

  it("has nobody wait for another one's lock any more", async () => {
    const dir = temporaryDirectory();
    const { store: holder } = opened(dir);
    const lock = holder.lock("k", { always: true });
    const { store } = opened(dir);
    expect([typeof lock, store.lock("k", { always: true })]).toEqual(["object", "held"]);
    const waiting = store.released("k", 50_000);
    await store.close();
    await waiting;
    expect(holder.lock("k", { always: true })).toBe("held");
  });
});
