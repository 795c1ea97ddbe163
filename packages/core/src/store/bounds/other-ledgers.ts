/** The ledgers of all other stores that write to the directory, as they were last read. Writes none of them; removes
 * one whose owner is dead when it has been added to the count. */
import type { UsageChange } from "../entries/entries.js";
import { NOTHING, sum } from "./limits.js";
import type { FileSystem } from "../file-system.js";
import { liveness } from "../process-identity.js";
import { OtherLedger } from "./ledger.js";

/** A ledger whose owner may or may not live is treated as that of a dead process when it was not written for this
 * long. */
const UNKNOWN_OWNER_MS = 60 * 60 * 1000;

export class OtherLedgers {
  readonly #fs: FileSystem;
  readonly #directory: string;
  #ledgers = new Map<string, OtherLedger>();
  /** What they have, at the last read. */
  #total: UsageChange = NOTHING;

  constructor(fs: FileSystem, directory: string) {
    this.#fs = fs;
    this.#directory = directory;
  }

  get size(): number {
    return this.#ledgers.size;
  }

  get total(): UsageChange {
    return this.#total;
  }

  /** Whether a store stopped without closing its ledger: its files may not match its ledger. */
  get abandoned(): boolean {
    return [...this.#ledgers.values()].some((ledger) => !ledger.closed && isDead(ledger));
  }

  /** From now on, those under these names.
   * @param again whether all are opened again, because the directory is another one */
  follow(names: ReadonlySet<string>, again: boolean): void {
    for (const [name, ledger] of this.#ledgers) {
      if (names.has(name) && !again) continue;
      ledger.close();
      this.#ledgers.delete(name);
    }
    for (const name of names) {
      if (this.#ledgers.has(name)) continue;
      const ledger = OtherLedger.open(this.#fs, this.#directory, name);
      if (ledger !== undefined) this.#ledgers.set(name, ledger);
    }
  }

  /** @throws Node's own error */
  read(): void {
    this.#total = NOTHING;
    for (const ledger of this.#ledgers.values()) {
      ledger.read();
      this.#total = sum(this.#total, sum(ledger.total, ledger.reserved));
    }
  }

  /** What they say of a shard just now. */
  at(shard: number, failed: (error: unknown) => void): UsageChange {
    let total = NOTHING;
    for (const ledger of this.#ledgers.values()) {
      try {
        total = sum(total, ledger.at(shard));
      } catch (error) {
        failed(error);
      }
    }
    return total;
  }

  /** Those whose owners write no more. */
  *ended(): Generator<Pick<OtherLedger, "at"> & { readonly remove: () => void }> {
    for (const [name, ledger] of this.#ledgers) {
      if (!ledger.closed && !isDead(ledger)) continue;
      yield {
        at: (shard) => ledger.at(shard),
        remove: () => {
          this.#fs.unlinkSync(`${this.#directory}/${name}`);
          ledger.close();
          this.#ledgers.delete(name);
        },
      };
    }
  }

  close(): void {
    for (const ledger of this.#ledgers.values()) ledger.close();
    this.#ledgers.clear();
    this.#total = NOTHING;
  }
}

function isDead(ledger: OtherLedger): boolean {
  const alive = liveness(ledger.owner);
  if (alive !== "unknown") return alive === "dead";
  try {
    return Date.now() - ledger.writtenAt > UNKNOWN_OWNER_MS;
  } catch {
    return false;
  }
}
