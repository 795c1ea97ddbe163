/** Makes calls of the disk fail below a directory, as a program says. Never decides which, or what is right then. */
import fs from "node:fs";

/** What is asked of the disk, and the calls of `node:fs` that ask it. */
const CALLS = {
  open: ["open", "openSync"],
  read: ["read", "readSync"],
  write: ["writeSync", "writev", "writevSync"],
  sync: ["fdatasync", "fdatasyncSync"],
  stat: ["fstat", "fstatSync", "statSync", "lstatSync"],
  statfs: ["statfs", "statfsSync"],
  rename: ["rename", "renameSync"],
  link: ["linkSync", "symlinkSync"],
  unlink: ["unlink", "unlinkSync"],
  mkdir: ["mkdirSync"],
  readdir: ["readdirSync"],
} as const;

export type DiskCall = keyof typeof CALLS;
export const DISK_CALLS = Object.keys(CALLS) as DiskCall[];
export const DISK_ERRORS = ["EIO", "EMFILE", "ENOSPC", "EACCES", "EROFS"] as const;

export interface DiskFault {
  readonly call: DiskCall;
  readonly error: (typeof DISK_ERRORS)[number];
  /** After so many that succeed. */
  readonly after: number;
  /** From then on all of them; otherwise one. */
  readonly lasting?: true;
}

type AnyCall = (...args: unknown[]) => unknown;
type Method = (typeof CALLS)[DiskCall][number] | "close" | "closeSync";

const files = fs as unknown as Record<Method, AnyCall>;
/** Directories whose disk may fail. */
const places = new Map<string, FailingDisk>();
/** Of files that are open below them. */
const owners = new Map<number, FailingDisk>();
let watched = false;

/** The disk below one directory. */
export class FailingDisk {
  readonly #directory: string;
  #fault: DiskFault | undefined;
  #left = 0;

  constructor(directory: string) {
    this.#directory = directory;
    places.set(directory, this);
    watch();
  }

  /** From now on. */
  fail(fault: DiskFault): void {
    this.#fault = fault;
    this.#left = fault.after;
  }

  close(): void {
    places.delete(this.#directory);
    for (const [descriptor, disk] of owners) if (disk === this) owners.delete(descriptor);
  }

  /** What this call fails with. */
  errorOf(call: DiskCall): Error | undefined {
    const fault = this.#fault;
    if (fault?.call !== call || this.#left-- > 0) return undefined;
    if (!fault.lasting) this.#fault = undefined;
    return Object.assign(new Error(`${fault.error}: ${call} fails as the program says`), { code: fault.error });
  }
}

function diskOf(named: unknown): FailingDisk | undefined {
  if (typeof named === "number") return owners.get(named);
  for (const [directory, disk] of places) if (String(named).startsWith(directory)) return disk;
  return undefined;
}

// Once for the process: `node:fs` has one of each method.
function watch(): void {
  if (watched) return;
  watched = true;
  for (const call of DISK_CALLS) for (const method of CALLS[call]) replace(method, call);
  for (const method of ["close", "closeSync"] as const) {
    const original = files[method];
    files[method] = (descriptor, ...others) => {
      owners.delete(descriptor as number);
      return original(descriptor, ...others);
    };
  }
}

function replace(method: Method, call: DiskCall): void {
  const original = files[method];
  files[method] = (...args) => {
    const disk = diskOf(call === "link" ? args[1] : args[0]);
    if (disk === undefined) return original(...args);
    const error = disk.errorOf(call);
    const done = args.at(-1);
    if (typeof done !== "function") {
      if (error !== undefined) throw error;
      const result = original(...args);
      if (call === "open") owners.set(result as number, disk);
      return result;
    }
    if (error !== undefined) {
      process.nextTick(done, error);
      return undefined;
    }
    if (call !== "open") return original(...args);
    return original(...args.slice(0, -1), (failure: unknown, descriptor: number) => {
      if (!failure) owners.set(descriptor, disk);
      (done as AnyCall)(failure, descriptor);
    });
  };
}
