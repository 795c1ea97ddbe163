/** The chain of purges and the list of machines in Redis or Valkey: each operation is a script or a command. */
import type { Appended, Beat, BeatQuestion, Confirmed, EngineConnection, KeptRecord, Stand } from "@diskcache/core";
import type { Connection, Connector, Word } from "./clients.js";
import { allowingOom, APPEND, BEAT, CONFIRM, Evaluator, FOUND, GIVE_UP, LAST, LEAVE, RECORDS } from "./scripts.js";

/** Records that one answer brings at most. */
const MOST_RECORDS = 1_000;
const FIELDS_OF_RECORD = 4;

export interface Keys {
  readonly log: string;
  readonly machines: string;
  readonly missing: string;
}

export interface ConnectionSettings {
  readonly keys: Keys;
  /** Records of the chain that the server keeps, about. */
  readonly keep: number;
  /** Copies that have to confirm what is written, and for how long they may take. */
  readonly replicas: number;
  readonly replicasMs: number;
}

export class RedisConnection implements EngineConnection {
  readonly #connector: Connector;
  readonly #settings: ConnectionSettings;
  readonly #connection: Connection;
  /** Waits on a connection of its own, since what is sent behind a blocking command waits for it. */
  #sleeper: Promise<Connection> | undefined = undefined;
  #sleeping: Promise<void> | undefined = undefined;
  #closed = false;
  readonly #evaluator: Evaluator;
  /** Whether the server knows flags of scripts. */
  #flags = true;

  private constructor(connector: Connector, settings: ConnectionSettings, connection: Connection) {
    this.#connector = connector;
    this.#settings = settings;
    this.#connection = connection;
    this.#evaluator = new Evaluator(connection);
  }

  static async open(connector: Connector, settings: ConnectionSettings): Promise<RedisConnection> {
    return new RedisConnection(connector, settings, await connector.open());
  }

  async beat({ absenceMs, machine, stand, steady, token }: BeatQuestion): Promise<Beat> {
    const { log, machines, missing } = this.#settings.keys;
    const args = [machine, stand.number, stand.mark, token, steady, MOST_RECORDS, Math.max(1, Math.ceil(absenceMs))];
    const [state, last = 0, run = "", steadyRun = "", count = 0, before = "", ...records] = await this.#written(
      this.#script(BEAT, [log, machines, missing], args, true),
    );
    const listed = String(before);
    const colon = listed.indexOf(":");
    return {
      state: state as Beat["state"],
      last: Number(last),
      run: String(run),
      steady: String(steadyRun),
      machines: Number(count),
      before: colon < 0 ? undefined : { number: Number(listed.slice(0, colon)), token: listed.slice(colon + 1) },
      records: recordsIn(records),
    };
  }

  sleep(number: number, ms: number): Promise<void> {
    this.#sleeping ??= this.#sleep(number, ms).finally(() => (this.#sleeping = undefined));
    return this.#sleeping;
  }

  async append(
    machine: string,
    records: readonly { readonly mark: string; readonly text: string }[],
  ): Promise<Appended | "absent"> {
    const { keep, keys } = this.#settings;
    const args = [keep, machine, ...records.flatMap(({ mark, text }) => [mark, text])];
    const [state, first, last, missing, run, steady, ...machines] = await this.#written(
      this.#script(APPEND, [keys.log, keys.machines, keys.missing], args, true),
    );
    if (state === "absent") return "absent";
    return {
      first: Number(first),
      last: Number(last),
      missing: Number(missing) !== 0,
      run: String(run),
      steady: String(steady),
      machines: new Map(pairs(machines)),
    };
  }

  async confirm({ number, mark }: Stand, machines: readonly string[]): Promise<Confirmed> {
    const { keys } = this.#settings;
    const [run, there, ...listed] = await this.#script(CONFIRM, [keys.log, keys.machines], [number, mark, ...machines]);
    const listing = (index: number): string | undefined => (listed[index] === "" ? undefined : String(listed[index]));
    return {
      run: String(run),
      there: Number(there) === 1,
      machines: new Map(machines.map((machine, index) => [machine, listing(index)])),
    };
  }

  async giveUp(machines: ReadonlyMap<string, string>, forMs: number): Promise<void> {
    const { keys } = this.#settings;
    await this.#script(
      GIVE_UP,
      [keys.machines, keys.missing],
      [Math.max(1, Math.ceil(forMs)), ...[...machines].flat()],
      true,
    );
  }

  async found(machine: string, stand: Stand, mark: string, recent: readonly KeptRecord[]): Promise<void> {
    const known = recent.flatMap((record) => [record.number, record.mark, record.before, record.text]);
    await this.#script(FOUND, [this.#settings.keys.log], [machine, stand.number, stand.mark, mark, ...known], true);
  }

  async last(): Promise<Stand | undefined> {
    const [number, mark] = await this.#script(LAST, [this.#settings.keys.log], []);
    return number === undefined ? undefined : { number: Number(number), mark: String(mark) };
  }

  async records(from: number): Promise<readonly KeptRecord[]> {
    return recordsIn(await this.#script(RECORDS, [this.#settings.keys.log], [from, MOST_RECORDS]));
  }

  async leave(machine: string, token: string): Promise<void> {
    await this.#script(LEAVE, [this.#settings.keys.machines], [machine, token]);
  }

  /** What the server says of itself; `""` where it may not be asked. */
  async info(section: string): Promise<string> {
    return this.#connection.call(["INFO", section], this.#settings.keys.log).then(String, () => "");
  }

  close(): void {
    this.#closed = true;
    this.#connection.close();
    this.#sleeper?.then(
      (sleeper) => sleeper.close(),
      () => undefined,
    );
  }

  async #sleep(number: number, ms: number): Promise<void> {
    const { log } = this.#settings.keys;
    const sleeper = await (this.#sleeper ??= this.#connector.open());
    if (this.#closed) return sleeper.close();
    await sleeper.call(["XREAD", "COUNT", 1, "BLOCK", Math.max(1, Math.floor(ms)), "STREAMS", log, `${number}-0`], log);
  }

  // Where copies have to confirm, what they have not confirmed counts as not done.
  async #written(done: Promise<unknown[]>): Promise<unknown[]> {
    const { keys, replicas, replicasMs } = this.#settings;
    if (replicas === 0) return done;
    const confirming = this.#connection.call(["WAIT", replicas, replicasMs], keys.log);
    confirming.catch(() => undefined);
    const answer = await done;
    const copies = Number(await confirming);
    if (copies < replicas) throw new Error(`${copies} of ${replicas} replicas have confirmed`);
    return answer;
  }

  /** @param always also where the server's memory is used up */
  async #script(script: string, keys: readonly string[], args: readonly Word[], always = false): Promise<unknown[]> {
    if (!always || !this.#flags) return this.#evaluator.run(script, keys, args);
    try {
      return await this.#evaluator.run(allowingOom(script), keys, args);
    } catch (error) {
      if (!/compiling script|shebang|flags/i.test(messageOf(error))) throw error;
      this.#flags = false;
      return this.#evaluator.run(script, keys, args);
    }
  }
}

function recordsIn(fields: readonly unknown[]): KeptRecord[] {
  const records: KeptRecord[] = [];
  for (let at = 0; at + FIELDS_OF_RECORD <= fields.length; at += FIELDS_OF_RECORD) {
    const [number, mark, before, text] = fields.slice(at, at + FIELDS_OF_RECORD).map(String);
    records.push({ number: Number(number), mark: mark!, before: before!, text: text! });
  }
  return records;
}

function* pairs(list: readonly unknown[]): Iterable<[string, string]> {
  for (let at = 0; at + 1 < list.length; at += 2) yield [String(list[at]), String(list[at + 1])];
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
