/** The link by which a store tells others of the machine's clock: where it cannot be put in its place, nothing is left
 * of it. */
import { readdirSync } from "node:fs";
import { expect, it } from "vitest";
import { SteadyClock } from "../../packages/core/src/base/clock.js";
import { nodeFileSystem } from "../../packages/core/src/store/file-system.js";
import { ownBoot } from "../../packages/core/src/store/process-identity.js";
import type { FileSystem } from "../../packages/core/src/store/file-system.js";
import { temporaryDirectory } from "../support/temporary-directory.js";
import { opened } from "./opened.js";

it.skipIf(ownBoot === undefined)("that cannot be put in its place leaves nothing behind", async () => {
  const dir = temporaryDirectory();
  const refused: string[] = [];
  const renameSync = (from: string, to: string): void => {
    if (!to.endsWith("/clock")) return nodeFileSystem.renameSync(from, to);
    refused.push(from);
    throw Object.assign(new Error("injected"), { code: "EACCES" });
  };
  const { store } = opened(dir, {
    fs: { ...nodeFileSystem, renameSync } as FileSystem,
    clock: new SteadyClock() as never,
  });
  store.put(
    { key: "/a", scope: "", name: "/a", tags: [], meta: "", storedAt: Date.now(), expiresAt: Infinity, birth: 0 },
    Buffer.from("a"),
  );
  await store.flush();
  expect(refused).toHaveLength(1);
  expect(readdirSync(dir).filter((name) => name.startsWith("tmp-"))).toEqual([]);
});
