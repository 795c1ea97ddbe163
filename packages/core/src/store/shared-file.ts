/** Files that several caches of this process have open: one descriptor for all of them, which the last one closes.
 * Reads and writes name their position, or append, so users do not interfere with one another. */
import fs from "node:fs";
import type { FileSystem } from "./file-system.js";

const { O_RDWR } = fs.constants;

/** For each file system, by device and inode: under any name, it is the same file. */
const OPEN = new WeakMap<FileSystem, Map<string, SharedFile>>();

export class SharedFile {
  readonly fd: number;
  readonly #fs: FileSystem;
  readonly #identity: string;
  readonly #writable: boolean;
  #users = 1;

  private constructor(on: FileSystem, fd: number, identity: string, writable: boolean) {
    this.#fs = on;
    this.fd = fd;
    this.#identity = identity;
    this.#writable = writable;
  }

  /** The file under a path; opened unless a cache of this process has it open.
   * @throws Node's own error */
  static open(on: FileSystem, path: string, flags: number): SharedFile {
    const stat = on.lstatSync(path, { bigint: true, throwIfNoEntry: false });
    const known = stat && filesOf(on).get(identityOf(stat));
    if (known === undefined || !(known.#writable || (flags & O_RDWR) === 0))
      return SharedFile.#opened(on, on.openSync(path, flags), flags);
    known.#users++;
    return known;
  }

  static #opened(on: FileSystem, fd: number, flags: number): SharedFile {
    try {
      const identity = identityOf(on.fstatSync(fd, { bigint: true }));
      const file = new SharedFile(on, fd, identity, (flags & O_RDWR) !== 0);
      filesOf(on).set(identity, file);
      return file;
    } catch (error) {
      on.closeSync(fd);
      throw error;
    }
  }

  /** @throws Node's own error; the descriptor is released either way */
  close(): void {
    this.#users--;
    if (this.#users > 0) return;
    const files = filesOf(this.#fs);
    if (files.get(this.#identity) === this) files.delete(this.#identity);
    this.#fs.closeSync(this.fd);
  }
}

function filesOf(on: FileSystem): Map<string, SharedFile> {
  const files = OPEN.get(on) ?? new Map<string, SharedFile>();
  OPEN.set(on, files);
  return files;
}

function identityOf({ dev, ino }: { readonly dev: bigint; readonly ino: bigint }): string {
  return `${dev}:${ino}`;
}
