/**
 * What the caches on a directory agree on about the time, including those that start later: a link that points nowhere
 * and records how the machine's clock was set since the machine started. Without it, a process that starts after the
 * clock was set back would take what is stored there for younger than it is.
 *
 * `1f0a93bc@1767323045000.25+10000`: which boot, how far the clock was ahead of the steady one, and how far it was set
 * back in total.
 */
import { isStep, SteadyClock } from "../../base/clock.js";
import type { Clock, ClockState } from "../../base/clock.js";
import type { FileSystem } from "../file-system.js";
import type { Paths } from "../paths.js";
import { ownBoot } from "../process-identity.js";

const TARGET = /^([0-9a-f]{8})@(-?\d{1,16}(?:\.\d{1,9})?)\+(\d{1,16})$/;

export class SharedClock {
  readonly #fs: FileSystem;
  readonly #paths: Paths;
  readonly #clock: SteadyClock | undefined;

  /** A clock that the caller provided is used as it is. */
  constructor(fs: FileSystem, paths: Paths, clock: Clock) {
    this.#fs = fs;
    this.#paths = paths;
    // Where the kernel does not distinguish one boot from the next, no process can continue from another's record.
    if (ownBoot === undefined || !(clock instanceof SteadyClock)) return;
    this.#clock = clock;
    clock.onStep = () => this.agree();
  }

  /** Continues from what is recorded, and records what has happened since. */
  agree(): void {
    const clock = this.#clock;
    if (clock === undefined) return;
    const known = this.#known();
    if (known !== undefined) clock.goOnFrom(known);
    const { offset, ahead } = clock.state;
    if (known?.ahead === ahead && !isStep(known.offset, offset)) return;
    const temp = this.#paths.temp(this.#paths.root);
    try {
      this.#fs.symlinkSync(`${ownBoot}@${offset.toFixed(3)}+${ahead}`, temp);
      this.#fs.renameSync(temp, this.#path);
    } catch {
      // No links, or nothing can be written: then each process has its own record.
      this.#remove(temp);
    }
  }

  #remove(temp: string): void {
    try {
      this.#fs.unlinkSync(temp);
    } catch {
      // It was not made.
    }
  }

  #known(): ClockState | undefined {
    try {
      const [, boot, offset, ahead] = TARGET.exec(this.#fs.readlinkSync(this.#path)) ?? [];
      return boot === ownBoot ? { offset: Number(offset), ahead: Number(ahead) } : undefined;
    } catch {
      return undefined;
    }
  }

  get #path(): string {
    return `${this.#paths.root}/clock`;
  }
}
