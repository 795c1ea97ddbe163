/**
 * The entries as files in 256 directories, as the sweep and a listing meet them: what lies there, read by its
 * file times alone unless its head is asked for. Follows no link, and removes only files under the cache's own names.
 */
import type { Stats } from "node:fs";
import type { Faults } from "../faults.js";
import { allocatedBytes, errorCode } from "../file-system.js";
import type { FileSystem } from "../file-system.js";
import { ownDirectory } from "../own-directory.js";
import { SHARD_COUNT, isEntryName, tempOwner } from "../paths.js";
import type { Paths } from "../paths.js";
import { liveness } from "../process-identity.js";
import type { EntryUnits, Find, FoundHead } from "./entries.js";
import type { EntryFiles } from "./entry-file.js";

/** A temporary file whose maker may or may not live is litter when it has not changed for this long. */
const UNKNOWN_OWNER_MS = 60 * 60 * 1000;

export class FileUnits implements EntryUnits {
  readonly count = SHARD_COUNT;
  readonly #fs: FileSystem;
  readonly #paths: Paths;
  readonly #faults: Faults;
  readonly #files: EntryFiles;

  constructor(fs: FileSystem, paths: Paths, faults: Faults, files: EntryFiles) {
    this.#fs = fs;
    this.#paths = paths;
    this.#faults = faults;
    this.#files = files;
  }

  *scan(unit: number): Generator<Find | undefined> {
    const directory = this.#paths.shard(unit);
    const stat = this.#stat(directory);
    if (stat === undefined || !stat.isDirectory()) return;
    for (const name of this.#list(directory))
      yield isEntryName(name) ? this.#entry(`${directory}/${name}`) : this.#temporary(directory, name);
    yield { kind: "unit", bytes: allocatedBytes(stat) };
  }

  *litter(): Generator<string> {
    for (const name of this.#list(this.#paths.root)) {
      const found = this.#temporary(this.#paths.root, name);
      if (found?.kind === "litter") yield found.id;
    }
  }

  head(id: string): FoundHead | undefined {
    const decoded = this.#files.readHead(id);
    return decoded && { head: decoded.head, epoch: decoded.preamble.epoch };
  }

  heads(unit: number): readonly FoundHead[] {
    const directory = this.#paths.shard(unit);
    return this.#entryNames(directory).flatMap((name) => this.head(`${directory}/${name}`) ?? []);
  }

  drop(id: string): "dropped" | "gone" | "kept" {
    try {
      this.#fs.unlinkSync(id);
      return "dropped";
    } catch (error) {
      if (errorCode(error) === "ENOENT") return "gone";
      this.#faults.io("remove", id, error, false);
      return "kept";
    }
  }

  dropUnit(unit: number): boolean {
    try {
      this.#fs.rmdirSync(this.#paths.shard(unit));
      return true;
    } catch {
      // Another process has just written there.
      return false;
    }
  }

  #entry(path: string): Find | undefined {
    const stat = this.#stat(path);
    if (stat === undefined) return undefined;
    // Not made by the cache. A process that asks for the key removes it; here it is not examined what it is or what
    // lies in it.
    if (!stat.isFile()) return { kind: "other", bytes: 0 };
    return { kind: "entry", id: path, bytes: allocatedBytes(stat), expiresAt: stat.atimeMs, usedAt: stat.mtimeMs };
  }

  #temporary(directory: string, name: string): Find | undefined {
    const owner = tempOwner(name);
    const alive = owner === undefined ? "alive" : liveness(owner);
    // Its maker has reserved the space for it.
    if (alive === "alive") return { kind: "other", bytes: 0 };
    const path = `${directory}/${name}`;
    const stat = this.#stat(path);
    if (stat === undefined) return undefined;
    if (alive === "unknown" && Date.now() - stat.mtimeMs < UNKNOWN_OWNER_MS)
      return { kind: "other", bytes: allocatedBytes(stat) };
    return { kind: "litter", id: path };
  }

  #entryNames(directory: string): readonly string[] {
    try {
      return ownDirectory(this.#fs, directory) === undefined ? [] : this.#fs.readdirSync(directory).filter(isEntryName);
    } catch {
      return [];
    }
  }

  #stat(path: string): Stats | undefined {
    try {
      return this.#fs.lstatSync(path, { throwIfNoEntry: false });
    } catch (error) {
      this.#faults.io("stat", path, error, false);
      return undefined;
    }
  }

  #list(directory: string): string[] {
    try {
      return this.#fs.readdirSync(directory);
    } catch (error) {
      if (errorCode(error) !== "ENOENT") this.#faults.io("list", directory, error, false);
      return [];
    }
  }
}
