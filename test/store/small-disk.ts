/** A small disk for one test: a real one where this process may mount one, and one that is told of everywhere. */
import { execFileSync } from "node:child_process";
import { appendFileSync, readdirSync, statfsSync } from "node:fs";
import { join } from "node:path";
import { onTestFinished } from "vitest";
import { nodeFileSystem } from "../../packages/core/src/store/file-system.js";
import type { FileSystem } from "../../packages/core/src/store/file-system.js";
import { temporaryDirectory } from "../support/temporary-directory.js";
import { allocated } from "./allocated.mjs";

const BLOCK_BYTES = 4096;

export interface SmallDisk {
  readonly dir: string;
  readonly fs: FileSystem;
  /** What somebody else takes, so that so much is left; nothing, unless said. */
  fill(leftBytes?: number): void;
  /** Bytes that are left. */
  readonly free: number;
  readonly freeInodes: number;
}

export interface DiskSize {
  readonly bytes: number;
  readonly inodes: number;
}

/** Only for those who may mount; `undefined` for others. */
export function mountedDisk({ bytes, inodes }: DiskSize): SmallDisk | undefined {
  const root = temporaryDirectory();
  try {
    execFileSync("mount", ["-t", "tmpfs", "-o", `size=${bytes},nr_inodes=${inodes}`, "tmpfs", root], {
      stdio: "ignore",
    });
  } catch {
    return undefined;
  }
  onTestFinished(() => void execFileSync("umount", ["-l", root]));
  const free = (): number => statfsSync(root).bavail * BLOCK_BYTES;
  return {
    dir: join(root, "cache"),
    fs: nodeFileSystem,
    fill(leftBytes = 0) {
      for (let more = free() - leftBytes; more > 0; more = free() - leftBytes)
        appendFileSync(join(root, "stranger"), Buffer.alloc(more));
    },
    get free() {
      return free();
    },
    get freeInodes() {
      return statfsSync(root).ffree;
    },
  };
}

/** Writes that would pass the size are cut short, the next ones fail, as do new names on a full disk, and new files without an inode.
 * @param code what they fail with; a quota says `EDQUOT`, and nothing of it shows in `statfs` */
export function toldDisk(
  { bytes, inodes }: DiskSize,
  { code = "ENOSPC", says = true }: { readonly code?: string; readonly says?: boolean } = {},
): SmallDisk {
  const dir = join(temporaryDirectory(), "cache");
  let taken = 0;
  const free = (): number => Math.max(0, bytes - taken - allocated(dir).bytes);
  const freeInodes = (): number => Math.max(0, inodes - filesBelow(dir));
  const full = (): Error => Object.assign(new Error("the disk is full"), { code });
  const fitting = (pieces: readonly Buffer[]): Buffer => {
    const fits = Buffer.concat(pieces).subarray(0, free());
    if (fits.length === 0 && pieces.some((piece) => piece.length > 0)) throw full();
    return fits;
  };
  const statfs = () => ({
    type: 0,
    bsize: BLOCK_BYTES,
    blocks: says ? bytes / BLOCK_BYTES : 0,
    bfree: 0,
    bavail: says ? Math.floor(free() / BLOCK_BYTES) : 0,
    files: says ? inodes : 0,
    ffree: says ? freeInodes() : 0,
  });
  const later = (done: (error: Error | null, value?: unknown) => void, work: () => unknown): void =>
    void setImmediate(() => {
      try {
        done(null, work());
      } catch (error) {
        done(error as Error);
      }
    });
  const check = (path: string): void => {
    if (nodeFileSystem.lstatSync(path, { throwIfNoEntry: false }) !== undefined) return;
    if (freeInodes() === 0) throw full();
  };
  const replaced: Partial<Record<keyof FileSystem, unknown>> = {
    statfsSync: statfs,
    statfs: (_: string, done: (error: Error | null, value?: unknown) => void) => later(done, statfs),
    writevSync: (fd: number, pieces: Buffer[]) => nodeFileSystem.writeSync(fd, fitting(pieces)),
    writev: (fd: number, pieces: Buffer[], at: number, done: (error: Error | null, value?: unknown) => void) =>
      later(done, () => nodeFileSystem.writeSync(fd, fitting(pieces), 0, undefined, at)),
    openSync: (path: string, ...rest: [number, number]) => {
      check(path);
      return nodeFileSystem.openSync(path, ...rest);
    },
    open: (path: string, flags: number, mode: number, done: (error: Error | null, value?: unknown) => void) =>
      later(done, () => {
        check(path);
        return nodeFileSystem.openSync(path, flags, mode);
      }),
  };
  const fs = new Proxy(nodeFileSystem, {
    get(target, name: keyof FileSystem) {
      if (name in replaced) return replaced[name];
      if (!["mkdirSync", "symlinkSync", "linkSync"].includes(name)) return target[name];
      return (...given: unknown[]): unknown => {
        const made = String(given[name === "mkdirSync" ? 0 : 1]);
        const missing = nodeFileSystem.lstatSync(made, { throwIfNoEntry: false }) === undefined;
        if (missing && (free() < BLOCK_BYTES || freeInodes() === 0)) throw full();
        return Reflect.apply(target[name] as (...args: unknown[]) => unknown, target, given);
      };
    },
  });
  return {
    dir,
    fs,
    fill: (leftBytes = 0) => void (taken += Math.max(0, free() - leftBytes)),
    get free() {
      return free();
    },
    get freeInodes() {
      return freeInodes();
    },
  };
}

function filesBelow(dir: string): number {
  try {
    return readdirSync(dir, { recursive: true }).length + 1;
  } catch {
    return 0;
  }
}
