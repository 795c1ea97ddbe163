/**
 * Takes over what other machines have purged, record by record, into the log of this directory, and passes on what this
 * directory has purged and no process could. One process of a directory does it for all; two at once do no harm.
 *
 * | state | what happens | what ends it |
 * | --- | --- | --- |
 * | waiting | another process is the relay | it dies, or is silent for six tenths of a lease |
 * | connecting | the engine is asked for a connection | an answer, or a third of a lease |
 * | beating | shows where it stands, takes over what it lacks, sleeps till there is more | doubt: then connecting |
 *
 * *Contact* is the moment before a beat was sent that was answered with: your mark is at your number, and nothing comes
 * after it. It is written into the log, where all processes of the directory see it.
 */
import { randomBytes } from "node:crypto";
import { ALL, contactNote, LEFT_NOTE, relayNote, SHARES_NOTE, takenNote, tickNote } from "../store/log/chain-notes.js";
import type { Stand } from "../store/log/chain-notes.js";
import type { SharedDirectory } from "../store/sharing.js";
import type { ChainText } from "./chain-text.js";
import type { Beat, EngineConnection } from "./contract.js";
import { ChainPlace, Doubt } from "./place.js";
import type { PlaceEvent } from "./place.js";
import type { ResolvedTier } from "./settings.js";
import { connected, Waits } from "./time.js";
import type { TierTime } from "./time.js";

/** What happens between this machine and the others; told to the owner of the cache. */
export type RelayEvent =
  /** More records are missing than one answer brings. */
  | "catching-up"
  | PlaceEvent
  /** A record was not written by a machine with our secret: everything stored here counts as purged. */
  | "unreadable";

export interface RelayDeps {
  readonly directory: SharedDirectory;
  readonly settings: ResolvedTier;
  readonly boot: string;
  readonly time: TierTime;
  readonly text: ChainText;
  readonly tell: (event: RelayEvent) => void;
  /** What the newest beat has said. */
  readonly heard: (beat: Beat) => void;
  /** An attempt has failed. */
  readonly failed: (error: unknown) => void;
}

/** Purges of this directory that have not come back along the chain after so long are put on it by the relay. */
const UNPUBLISHED_MS = 250;
/** How often the log is looked at for purges of processes that share nothing themselves. */
const LOOK_MS = 100;
/** Records that are put on the chain in one step. */
const MOST_AT_ONCE = 500;
const FIRST_REST_MS = 20;
/** A cache that is closed waits no longer for the engine to know. */
const LONGEST_LEAVE_MS = 2_000;

export class ChainRelay {
  readonly #deps: RelayDeps;
  readonly #waits: Waits;
  readonly #place: ChainPlace;
  readonly #waiting = new Map<string, number>();
  #stopped = false;
  #running: Promise<void> = Promise.resolve();
  #connection: EngineConnection | undefined = undefined;
  #token = "";
  #tickedMs = -Infinity;
  #cancelTick: () => void = () => undefined;

  constructor(deps: RelayDeps) {
    this.#deps = deps;
    this.#waits = new Waits(deps.time);
    this.#place = new ChainPlace({
      ...deps,
      sharesPages: deps.settings.pages !== undefined,
      ask: (answer) => this.#ask(answer),
    });
  }

  /** Whether this process is the relay, and has a connection. */
  get active(): boolean {
    return this.#connection !== undefined;
  }

  start(): void {
    this.#running = this.#run();
  }

  /** @param leaves no other process of the machine goes on: others need not wait for it any more */
  async stop(leaves: boolean): Promise<void> {
    this.#stopped = true;
    this.#cancelTick();
    if (leaves) await this.#leave().catch(this.#deps.failed);
    this.#waits.end();
    this.#connection?.close();
    await this.#running;
    this.#deps.directory.relay.release();
  }

  async #run(): Promise<void> {
    const { directory, settings, time } = this.#deps;
    this.#tick();
    for (let rest = FIRST_REST_MS; !this.#stopped;) {
      if (!directory.look() || !directory.relay.take()) {
        await this.#waits.wait(settings.leaseMs / 10);
        continue;
      }
      const since = time.steady();
      try {
        await this.#connected();
      } catch (error) {
        if (!(error instanceof Doubt)) this.#deps.failed(error);
      }
      // An engine that is away is asked more seldom.
      rest = time.steady() - since > settings.leaseMs ? FIRST_REST_MS : Math.min(rest * 2, settings.leaseMs / 4);
      if (!this.#stopped) await this.#waits.wait(rest * (0.5 + Math.random()));
    }
  }

  async #connected(): Promise<void> {
    const { directory, settings } = this.#deps;
    const connection = await connected(settings.tier, this.#waits, settings.leaseMs);
    this.#connection = connection;
    this.#token = randomBytes(6).toString("hex");
    this.#waiting.clear();
    try {
      if (!this.#stopped) directory.note([...(directory.chain.shares ? [] : [SHARES_NOTE]), relayNote(this.#token)]);
      await this.#beatOn(connection);
    } finally {
      this.#connection = undefined;
      connection.close();
    }
  }

  async #beatOn(connection: EngineConnection): Promise<void> {
    const { directory, settings, time } = this.#deps;
    const { chain } = directory;
    let wasBehind = false;
    let run = "";
    let runSince = time.steady();
    // A machine that comes back after a lapse may meet an engine that has lost what others told it. One lease later,
    // they have told it again. A machine that joins has stored nothing yet.
    let isIn = chain.stand !== undefined;
    let lapsed = false;
    for (let count = 0; !this.#stopped && directory.relay.held; count++) {
      if (!directory.look()) throw new Doubt("the log cannot be used");
      if (chain.stand === undefined) await this.#place.join(connection);
      const stand = chain.stand;
      if (stand === undefined) throw new Doubt("the log was begun again");
      const sentMs = time.steady();
      // Also on a connection that has lasted: the process may have been stopped meanwhile.
      if (isIn && directory.contactAgeMs() > settings.leaseMs) lapsed = true;
      const beat = await this.#ask(
        connection.beat({
          machine: directory.machine(),
          stand,
          token: `${this.#token}-${count}`,
          steady: run !== "" && sentMs - runSince > settings.leaseMs ? run : "",
          absenceMs: settings.absenceMs,
        }),
      );
      if (this.#stopped) return;
      if (beat.run !== run) [run, runSince] = [beat.run, sentMs];
      if (beat.state !== "ok") {
        await this.#place.find(connection, beat.state, stand);
        continue;
      }
      this.#refuseDouble(beat);
      this.#deps.heard(beat);
      // A server that does not say which run it is, counts as one when it has answered here for a lease.
      const answered = beat.run === "" && sentMs - runSince > settings.leaseMs;
      if (answered || (beat.steady !== "" && beat.steady === beat.run)) lapsed = false;
      const isBehind = beat.records.length > 0 && beat.last > beat.records.at(-1)!.number;
      if (isBehind && !wasBehind) this.#deps.tell("catching-up");
      wasBehind = isBehind;
      const taken = this.#takeOver(beat, stand, lapsed ? undefined : sentMs);
      isIn ||= directory.contactAgeMs() <= settings.leaseMs;
      await this.#publishLeft(connection);
      // Having taken something over, it shows so at once: purges wait for that.
      if (taken === 0) await this.#sleep(connection, stand.number);
    }
  }

  // A foreign token under our name: another directory has the same, as after a volume was copied.
  #refuseDouble({ before }: Beat): void {
    const { directory } = this.#deps;
    const [token] = before?.token.split("-") ?? [];
    if (token === undefined || token === this.#token || directory.chain.relays.includes(token)) return;
    directory.changeMachine(directory.machine());
    throw new Doubt("another machine has the same name");
  }

  /** @param sentMs when the beat was sent; `undefined` when it counts for no contact */
  #takeOver({ last, records }: Beat, stand: Stand, sentMs: number | undefined): number {
    const { boot, directory, tell, text } = this.#deps;
    const notes: string[] = [];
    let at = stand;
    for (const { number, mark, before, text: written } of records) {
      if (number !== at.number + 1 || before !== at.mark) break;
      const said = text.read(written);
      if (said === "unreadable") tell("unreadable");
      notes.push(
        takenNote({ number, mark, before, purge: said === "unreadable" ? { selector: ALL, soft: false } : said }),
      );
      at = { number, mark };
    }
    if (at.number === last && sentMs !== undefined) notes.push(contactNote({ atMs: sentMs, boot }));
    if (notes.length > 0) directory.note(notes);
    return at.number - stand.number;
  }

  async #publishLeft(connection: EngineConnection): Promise<void> {
    const { directory, text, time } = this.#deps;
    const now = time.steady();
    const own = [...directory.chain.own];
    const marks = new Set(own.map(({ mark }) => mark));
    for (const mark of this.#waiting.keys()) if (!marks.has(mark)) this.#waiting.delete(mark);
    const left = own.filter(({ mark }) => {
      const since = this.#waiting.get(mark) ?? now;
      this.#waiting.set(mark, since);
      return now - since >= UNPUBLISHED_MS;
    });
    for (let from = 0; from < left.length; from += MOST_AT_ONCE) {
      const some = left.slice(from, from + MOST_AT_ONCE);
      const records = some.map((purge) => text.record(purge));
      await this.#ask(connection.append(directory.machine(), records));
      // They come back with the next beats. Until then they are not put there again.
      for (const { mark } of some) this.#waiting.set(mark, now + this.#deps.settings.leaseMs);
    }
  }

  // Until there is more on the chain, or something in the log that has to get there.
  async #sleep(connection: EngineConnection, number: number): Promise<void> {
    const { directory, settings, time } = this.#deps;
    const untilMs = time.steady() + settings.leaseMs / 4;
    const { ownCount } = directory.chain;
    let over = false;
    const slept = connection.sleep(number, settings.leaseMs / 4).then(
      () => void (over = true),
      (error: unknown) => {
        over = true;
        throw error;
      },
    );
    const woken = slept.finally(() => this.#waits.wake());
    woken.catch(() => undefined);
    while (!over && !this.#stopped) {
      await this.#waits.wait(ownCount > 0 ? UNPUBLISHED_MS / 2 : LOOK_MS);
      directory.look();
      if (directory.chain.ownCount > 0 || time.steady() >= untilMs) return;
    }
    await slept;
  }

  // While there is no contact, the log says how late it is: what is begun later is young.
  #tick(): void {
    const { boot, directory, settings, time } = this.#deps;
    if (this.#stopped) return;
    this.#cancelTick = time.after(settings.leaseMs / 9, () => this.#tick());
    const now = time.steady();
    if (now - this.#tickedMs < settings.leaseMs / 10 || !directory.look()) return;
    if (directory.contactAgeMs() <= settings.leaseMs / 2 || !directory.relay.held) return;
    this.#tickedMs = now;
    try {
      directory.note([tickNote({ atMs: now, boot })]);
    } catch (error) {
      this.#deps.failed(error);
    }
  }

  // A process that starts now must not take our contact for its own: purges no longer wait for this machine.
  async #leave(): Promise<void> {
    const { directory, settings } = this.#deps;
    const connection = this.#connection;
    if (connection === undefined || !directory.look()) return;
    directory.note([LEFT_NOTE]);
    await this.#waits.inTime(
      Math.min(settings.leaseMs / 3, LONGEST_LEAVE_MS),
      connection.leave(directory.machine(), this.#token),
    );
  }

  #ask<Answer>(answer: Promise<Answer>): Promise<Answer> {
    return this.#waits.inTime(this.#deps.settings.leaseMs / 3, answer);
  }
}
