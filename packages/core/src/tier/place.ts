/** Where a machine stands on the chain when it joins, and when its mark is not at its number: goes back to what the
 * chain and the machine both know, begins the chain again, or begins cold. Takes no record over. */
import { randomBytes } from "node:crypto";
import { ORIGIN, standNote } from "../store/log/chain-notes.js";
import type { ChainRecord, Stand } from "../store/log/chain-notes.js";
import type { SharedDirectory } from "../store/sharing.js";
import type { ChainText } from "./chain-text.js";
import { FOUNDED } from "./chain-text.js";
import type { Beat, EngineConnection, KeptRecord } from "./contract.js";

export type PlaceEvent =
  /** Records that this machine has put on the chain, or taken over, were lost there: they are put on it again. */
  | "reconciled"
  /** Records are missing for good: everything stored here counts as purged. */
  | "emptied";

export interface PlaceDeps {
  readonly directory: SharedDirectory;
  readonly text: ChainText;
  /** Pages are shared: what was begun when the chain stood a little further back can be judged. */
  readonly sharesPages: boolean;
  readonly tell: (event: PlaceEvent) => void;
  /** The same answer, in time. */
  readonly ask: <Answer>(answer: Promise<Answer>) => Promise<Answer>;
}

/** A connection is given up, and another one made. */
export class Doubt extends Error {}

/** Records that a machine which founds the chain again puts at its beginning, and that one takes over which joins. */
const MOST_RECENT = 1_000;

export class ChainPlace {
  readonly #deps: PlaceDeps;

  constructor(deps: PlaceDeps) {
    this.#deps = deps;
  }

  /** A directory joins: only the end of the chain is of interest, what was stored before counts as purged. */
  async join(connection: EngineConnection): Promise<void> {
    const { directory } = this.#deps;
    let end = await this.#end(connection);
    if (end === undefined) {
      await this.#deps.ask(connection.found(directory.machine(), ORIGIN, randomMark(), []));
      end = await this.#end(connection);
    }
    if (end === undefined) throw new Doubt("the chain is gone again");
    directory.note([standNote(end, undefined, true)]);
  }

  /** The machine's mark is not at its number.
   * @param state why */
  async find(connection: EngineConnection, state: Exclude<Beat["state"], "ok">, stand: Stand): Promise<void> {
    const { directory } = this.#deps;
    if (state === "absent") {
      const recent = [...directory.chain.known].filter(({ number }) => number <= stand.number).slice(-MOST_RECENT);
      const kept = contiguous(recent, stand).map((record) => this.#kept(record));
      await this.#deps.ask(connection.found(directory.machine(), stand, randomMark(), kept));
      return;
    }
    const common = state === "diverged" ? await this.#lastCommon(connection, stand) : undefined;
    if (common !== undefined) {
      directory.note([standNote(common, stand, false)]);
      this.#deps.tell("reconciled");
      return;
    }
    const end = await this.#end(connection);
    if (end === undefined) return;
    directory.note([standNote(end, stand, true)]);
    this.#deps.tell("emptied");
  }

  // Where a machine begins that has nothing.
  async #end(connection: EngineConnection): Promise<Stand | undefined> {
    const { ask, sharesPages } = this.#deps;
    const end = await ask(connection.last());
    if (end === undefined || !sharesPages) return end;
    const [first] = await ask(connection.records(Math.max(1, end.number - MOST_RECENT + 1)));
    return first === undefined ? end : { number: first.number - 1, mark: first.before };
  }

  // The newest record that is on the chain and known here, or that the chain goes on from.
  async #lastCommon(connection: EngineConnection, stand: Stand): Promise<Stand | undefined> {
    const { chain } = this.#deps.directory;
    const own = new Map<number, string>([[stand.number, stand.mark]]);
    for (const { number, mark, before } of chain.known) {
      own.set(number, mark);
      if (!own.has(number - 1)) own.set(number - 1, before);
    }
    let common: Stand | undefined;
    for (let from = Math.max(1, Math.min(...own.keys())); ;) {
      const records = await this.#deps.ask(connection.records(from));
      for (const { number, mark, before } of records) {
        if (own.get(number - 1) === before) common = { number: number - 1, mark: before };
        if (own.get(number) === mark) common = { number, mark };
      }
      const last = records.at(-1);
      if (last === undefined || last.number >= stand.number) return common;
      from = last.number + 1;
    }
  }

  #kept({ number, mark, before, purge }: ChainRecord): KeptRecord {
    return { number, mark, before, text: purge === undefined ? FOUNDED : this.#deps.text.write(purge) };
  }
}

// Those that lead to the stand without a gap.
function contiguous(records: readonly ChainRecord[], stand: Stand): ChainRecord[] {
  const kept: ChainRecord[] = [];
  let next = stand;
  for (const record of records.toReversed()) {
    if (record.number !== next.number || record.mark !== next.mark) break;
    kept.unshift(record);
    next = { number: record.number - 1, mark: record.before };
  }
  return kept;
}

function randomMark(): string {
  return randomBytes(6).toString("hex");
}
