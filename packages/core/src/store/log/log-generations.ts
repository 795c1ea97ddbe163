/**
 * The files of the invalidation log in a directory: finds the current one, begins and follows generations. Does not
 * interpret records.
 *
 * Compaction never loses a purge. It takes no lock, and any process may stop or die at any point:
 *
 * - A log is a file `invalidations.<n>`. Purges are appended to the highest `n`, each by one write to a descriptor
 *   opened for appending, so all appends to one file have one order, the same for every process.
 * - To go on in a new file, a process appends a *seal*. What stands before the first seal counts; what stands behind
 *   it never does.
 * - The next file is a pure function of what stands before the seal (the last position of each selector, from the
 *   floor the seal names). So a process that meets a seal without a next file makes that file, and names it by `link`,
 *   which fails when the name exists: the file appears whole, once.
 * - An appender reads the file back after its append. If it meets a seal before its own record, it appends again to
 *   the next file. If it meets its own record first, the record stands before the seal, and so it is in every file
 *   that follows.
 * - A file is removed only after a higher one exists. A process that finds its file removed or sealed lists the
 *   directory and takes the highest.
 * - A process that makes a file and was stopped for a while may resume after the directory was emptied and begun
 *   again. It writes its temporary file first, then checks whether the sealed file still exists, then links. Emptied
 *   before: the check shows it. Emptied after: the temporary file is gone too.
 *
 * A log that cannot be trusted (header damaged, truncated, missing) is left by a seal that says so, or by removing it,
 * and the next file gets a new random epoch. Entries carry the epoch they were born in, so they all become misses: a
 * purge may be forgotten only together with every entry it named.
 */
import { randomBytes } from "node:crypto";
import type { LogPosition } from "../contract.js";
import { APPEND_FLAGS, CREATE_FLAGS, FILE_MODE, errorCode } from "../file-system.js";
import type { FileSystem } from "../file-system.js";
import { LogGeneration } from "./log-generation.js";
import { encodeLogHeader, encodeNote, encodePurge, encodeSeal } from "./log-record.js";
import type { Paths } from "../paths.js";
import type { Note } from "./chain-notes.js";
import type { Mark } from "./purge-marks.js";

const NAME = /^invalidations\.(\d{1,12})$/;
/** Where hard links cannot be made, a file is made under its final name; an incomplete one is damaged, and so only
 * costs entries. */
const NO_LINKS = new Set(["EPERM", "ENOTSUP", "EOPNOTSUPP", "ENOSYS", "EMLINK", "ERR_ACCESS_DENIED"]);

export class LogGenerations {
  readonly #fs: FileSystem;
  readonly #paths: Paths;

  constructor(fs: FileSystem, paths: Paths) {
    this.#fs = fs;
    this.#paths = paths;
  }

  /** The current log, not read yet. A log that cannot be trusted is left for a new one, whose base is `freshBase`.
   * @throws Node's own error */
  current(freshBase: () => LogPosition): LogGeneration {
    for (let attempt = 0; attempt < 16; attempt++) {
      const number = this.#highest();
      if (number === undefined) {
        this.begin(1, freshBase());
        continue;
      }
      const opened = this.#open(number);
      if (opened === undefined) continue;
      if (opened !== "damaged") {
        this.#removeBelow(number);
        return opened;
      }
      this.#abandon(number);
      this.begin(number + 1, freshBase());
    }
    throw Object.assign(new Error("the invalidation log changes faster than it can be opened"), { code: "EBUSY" });
  }

  /** Whether a log file exists. */
  get begun(): boolean {
    try {
      return this.#highest() !== undefined;
    } catch {
      return false;
    }
  }

  /** A new log with a new epoch. Nothing happens when another process has already made that generation. */
  begin(number: number, base: LogPosition): void {
    this.#make(number, encodeLogHeader({ epoch: randomEpoch(), base, floor: base, snapshotBytes: 0 }));
  }

  /** Continues after a sealed log, in a new file whose snapshot holds `marks` and `notes`. */
  follow(sealed: LogGeneration, floor: LogPosition, marks: readonly Mark[], notes: readonly Note[]): void {
    const records = marks.map((mark) => encodePurge(mark.selector, mark, 0) as Buffer);
    const noted = notes.flatMap((note) => encodeNote(note.text, 0, note.position) ?? []);
    const snapshot = Buffer.concat([...records, ...noted]);
    const header = { epoch: sealed.header.epoch, base: sealed.position, floor, snapshotBytes: snapshot.length };
    this.#make(sealed.number + 1, Buffer.concat([encodeLogHeader(header), snapshot]), sealed);
  }

  /** Appends the seal that ends a log. With `restart` the next one begins a new epoch. */
  seal(generation: LogGeneration, floor: LogPosition, restart: boolean): void {
    generation.append(encodeSeal({ floor, restart }, randomNonce()));
  }

  // A process that has a damaged log open without knowing must leave it too: because of the seal, or because the file
  // is gone. A file that has another name may belong elsewhere, and is not written to.
  #abandon(number: number): void {
    const path = this.#path(number);
    try {
      const fd = this.#fs.openSync(path, APPEND_FLAGS);
      try {
        if (this.#fs.fstatSync(fd).nlink > 1) return this.#remove(number);
        this.#fs.writeSync(fd, encodeSeal({ floor: 0, restart: true }, randomNonce()));
      } finally {
        this.#fs.closeSync(fd);
      }
    } catch {
      this.#remove(number);
    }
  }

  #make(number: number, bytes: Buffer, source?: LogGeneration): void {
    const temp = this.#paths.temp(this.#paths.root);
    const path = this.#path(number);
    this.#write(temp, bytes);
    try {
      if (source !== undefined && !source.look().same) return;
      this.#fs.linkSync(temp, path);
    } catch (error) {
      if (NO_LINKS.has(errorCode(error))) this.#write(path, bytes);
      else if (errorCode(error) !== "EEXIST") throw error;
    } finally {
      this.#unlink(temp);
    }
  }

  #write(path: string, bytes: Buffer): void {
    let fd: number;
    try {
      fd = this.#fs.openSync(path, CREATE_FLAGS, FILE_MODE);
    } catch (error) {
      if (errorCode(error) === "EEXIST") return;
      throw error;
    }
    let whole = false;
    try {
      whole = this.#fs.writeSync(fd, bytes) === bytes.length;
    } finally {
      this.#fs.closeSync(fd);
      if (!whole) this.#unlink(path);
    }
    if (!whole) throw Object.assign(new Error("the invalidation log could not be written whole"), { code: "ENOSPC" });
  }

  #open(number: number): LogGeneration | "damaged" | undefined {
    try {
      return LogGeneration.open(this.#fs, this.#path(number), number);
    } catch (error) {
      const code = errorCode(error);
      if (code === "ENOENT") return undefined;
      // A link, a directory or a pipe under our name: not a log.
      if (code === "ELOOP" || code === "EISDIR" || code === "ENXIO" || code === "ESPIPE" || code === "EINVAL")
        return "damaged";
      throw error;
    }
  }

  #numbers(): number[] {
    const numbers: number[] = [];
    for (const name of this.#fs.readdirSync(this.#paths.root)) {
      const match = NAME.exec(name);
      if (match !== null) numbers.push(Number(match[1]));
    }
    return numbers;
  }

  #highest(): number | undefined {
    const numbers = this.#numbers();
    return numbers.length === 0 ? undefined : Math.max(...numbers);
  }

  #removeBelow(number: number): void {
    try {
      for (const lower of this.#numbers()) if (lower < number) this.#remove(lower);
    } catch {
      // They are sealed: they only take space, until the log is next opened.
    }
  }

  #remove(number: number): void {
    this.#unlink(this.#path(number));
  }

  #unlink(path: string): void {
    try {
      this.#fs.unlinkSync(path);
    } catch {
      // Gone already, or left for the sweep.
    }
  }

  #path(number: number): string {
    return `${this.#paths.root}/invalidations.${number}`;
  }
}

/** 48 random bits: exact in a double. */
function randomEpoch(): number {
  return randomBytes(6).readUIntLE(0, 6);
}

export function randomNonce(): number {
  return randomBytes(4).readUInt32LE(0);
}
