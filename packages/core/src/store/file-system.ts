/** The part of `node:fs` that the store calls, as a port that tests fill with faults. And how much a file
 * takes. Adds no behaviour of its own. */
import fs from "node:fs";
import type { Stats } from "node:fs";

const BLOCK_BYTES = 4096;

/** Methods are looked up when they are called, so a fault put on `node:fs` itself takes effect too. */
export type FileSystem = Pick<
  typeof fs,
  | "close"
  | "closeSync"
  | "fchmodSync"
  | "fdatasync"
  | "fdatasyncSync"
  | "fstat"
  | "fstatSync"
  | "futimes"
  | "futimesSync"
  | "linkSync"
  | "lstat"
  | "lstatSync"
  | "lutimes"
  | "lutimesSync"
  | "mkdirSync"
  | "open"
  | "openSync"
  | "read"
  | "readSync"
  | "readdirSync"
  | "readlinkSync"
  | "realpathSync"
  | "rename"
  | "renameSync"
  | "rmdirSync"
  | "statSync"
  | "statfs"
  | "statfsSync"
  | "symlinkSync"
  | "unlink"
  | "unlinkSync"
  | "watch"
  | "writeSync"
  | "writev"
  | "writevSync"
>;

/** The file system of the machine. */
export const nodeFileSystem: FileSystem = fs;

const { O_RDONLY, O_RDWR, O_CREAT, O_EXCL, O_APPEND, O_TRUNC } = fs.constants;
// Absent on Windows, where placing a link or a pipe under the cache's names needs rights that already own the
// directory.
const O_NOFOLLOW = fs.constants.O_NOFOLLOW ?? 0;
const O_NONBLOCK = fs.constants.O_NONBLOCK ?? 0;
const O_NOATIME = fs.constants.O_NOATIME ?? 0;

/** For reading: no link is followed, a pipe does not hang, the access time stays (it carries the expiry). libuv adds
 * O_CLOEXEC itself. */
export const READ_FLAGS = O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOATIME;
/** The same where O_NOATIME is refused. */
export const READ_FLAGS_PLAIN = O_RDONLY | O_NOFOLLOW | O_NONBLOCK;
/** A directory that is not a link. */
export const DIRECTORY_FLAGS = O_RDONLY | O_NOFOLLOW | (fs.constants.O_DIRECTORY ?? 0);
/** A new file that no process has open; read back while it grows. */
export const CREATE_FLAGS = O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW;
/** The invalidation log: appended to and read back. */
export const APPEND_FLAGS = O_RDWR | O_APPEND | O_NOFOLLOW | O_NONBLOCK;
/** An existing file, written at an offset. */
export const UPDATE_FLAGS = O_RDWR | O_NOFOLLOW | O_NONBLOCK;
/** The same, emptied. */
export const EMPTY_FLAGS = UPDATE_FLAGS | O_TRUNC;
/** The same, made where it is missing. */
export const UPDATE_OR_CREATE_FLAGS = UPDATE_FLAGS | O_CREAT;

/** Only the owner may read and write what the store makes. */
export const FILE_MODE = 0o600;
export const DIRECTORY_MODE = 0o700;

/** Node's own code of a failed call, `""` when it has none. */
export function errorCode(error: unknown): string {
  const code = (error as { code?: unknown } | null)?.code;
  return typeof code === "string" ? code : "";
}

/** A callback call as a promise. A fault that throws at once rejects as well. */
export function promised<T>(start: (done: (error: Error | null, value?: T) => void) => void): Promise<T> {
  return new Promise((resolve, reject) => {
    start((error, value) => (error ? reject(error) : resolve(value as T)));
  });
}

/** Allocated bytes of a file as the file system reports them; if it does not, the length in whole blocks. */
export function allocatedBytes(stat: Stats): number {
  const { blocks } = stat as { blocks?: number };
  return blocks === undefined ? blocksFor(stat.size) : blocks * 512;
}

/** Bytes that a file of this length takes. */
export function blocksFor(bytes: number): number {
  return Math.ceil(bytes / BLOCK_BYTES) * BLOCK_BYTES;
}
