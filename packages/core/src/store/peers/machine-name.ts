/** The name under which a directory is known among the machines that share its purges: a link that points nowhere and
 * is the name, so that all of the directory's processes have the same. Belongs to the directory, and so outlives its
 * processes. */
import { randomBytes } from "node:crypto";
import type { FileSystem } from "../file-system.js";
import type { Paths } from "../paths.js";

const NAME = /^[0-9a-f]{16}$/;

export class MachineName {
  readonly #fs: FileSystem;
  readonly #paths: Paths;
  /** Where no link can be made, this process is a machine by itself. */
  readonly #fallback = randomName();

  constructor(fs: FileSystem, paths: Paths) {
    this.#fs = fs;
    this.#paths = paths;
  }

  get(): string {
    const known = this.#read();
    if (known !== undefined) return known;
    try {
      this.#fs.symlinkSync(this.#fallback, this.#path);
    } catch {
      // Another process was first, or no link can be made.
    }
    return this.#read() ?? this.#fallback;
  }

  /** Another name in the place of this one: another machine has it, since the directory was copied. */
  change(from: string): void {
    if (this.#read() !== from) return;
    const temp = this.#paths.temp(this.#paths.root);
    try {
      this.#fs.symlinkSync(randomName(), temp);
      this.#fs.renameSync(temp, this.#path);
    } catch {
      // It keeps the name. Purges wait for both machines as for one, and at most for a lease.
    }
  }

  #read(): string | undefined {
    try {
      const name = this.#fs.readlinkSync(this.#path);
      return NAME.test(name) ? name : undefined;
    } catch {
      return undefined;
    }
  }

  get #path(): string {
    return `${this.#paths.root}/machine`;
  }
}

function randomName(): string {
  return randomBytes(8).toString("hex");
}
