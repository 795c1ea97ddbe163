/** An engine in memory, as a test breaks it: a chain and a list of machines in a server that can be stopped, restarted,
 * rewound, split and cut off. */
import { randomBytes } from "node:crypto";
import { ORIGIN } from "../../packages/core/src/store/log/chain-notes.js";
import type { Stand } from "../../packages/core/src/store/log/chain-notes.js";
import type {
  Appended,
  Beat,
  BeatQuestion,
  Confirmed,
  EngineConnection,
  KeptPage,
  KeptRecord,
  PagesConnection,
} from "../../packages/core/src/tier/contract.js";
import type { TierTime } from "../../packages/core/src/tier/time.js";

const MOST_RECORDS = 1_000;

/** What one server holds. */
export class Server {
  records: KeptRecord[] = [];
  machines = new Map<string, string>();
  steady = "";
  missingUntilMs = -Infinity;
  run = randomBytes(4).toString("hex");
  /** Pages and their pieces, and until when they are kept. */
  pages = new Map<string, { readonly bytes: Buffer; readonly untilMs: number }>();
  /** Whether it has no memory for pages. */
  full = false;
  /** Machines that sleep here. */
  readonly lines = new Set<Line>();

  /** What a copy of it holds, as it takes over from it. */
  copy(): Server {
    const copy = new Server();
    copy.records = [...this.records];
    copy.machines = new Map(this.machines);
    copy.steady = this.steady;
    copy.missingUntilMs = this.missingUntilMs;
    copy.pages = new Map(this.pages);
    return copy;
  }

  get last(): KeptRecord | undefined {
    return this.records.at(-1);
  }

  at(number: number): KeptRecord | undefined {
    return this.records[number - (this.records[0]?.number ?? 0)];
  }

  restart(): void {
    this.run = randomBytes(4).toString("hex");
  }

  /** The list that is begun now is another one, which shows in the run. */
  empty(): void {
    this.restart();
    this.records = [];
    this.machines.clear();
    this.steady = "";
    this.missingUntilMs = -Infinity;
    this.pages.clear();
  }

  /** Forgets the newest records. */
  rewind(count: number): void {
    this.records = this.records.slice(0, Math.max(0, this.records.length - count));
  }

  /** Forgets the oldest, until so many are left. */
  trim(keep: number): void {
    this.records = this.records.slice(-keep);
  }
}

/** Rules of the protocol that are left out: what they prevent has to be seen then. */
export interface Weakness {
  /** Every server is steady from the start: machines that it has lost are not waited for. */
  readonly steadyAtOnce?: boolean;
  /** A machine that has come back looks as if it had been away all the time. */
  readonly sameToken?: boolean;
  /** A machine that comes back counts its contact at once, although the engine may have lost what it lacks. */
  readonly joinsAtOnce?: boolean;
}

/** The way of one machine to a server. */
export class Line {
  /** `"cut"`: nothing gets through. `"deaf"`: what is asked is done, and the answer is lost. */
  state: "open" | "cut" | "deaf" = "open";
  server: Server;
  /** How much longer an answer takes on its way back. */
  slowMs = 0;
  /** What does not get through on a way that is open. */
  deafTo: "beats" | undefined = undefined;
  /** What is asked is done so many times: 2 for a client that sends again. */
  times = 1;
  /** What a weaker protocol would make of what is asked and answered. */
  readonly weakness: Weakness;
  readonly #time: TierTime;
  readonly #delayMs: number;
  readonly #sleepers = new Set<() => void>();

  constructor(server: Server, time: TierTime, weakness: Weakness = {}, delayMs = 1) {
    this.server = server;
    this.#time = time;
    this.weakness = weakness;
    this.#delayMs = delayMs;
  }

  connect = async (): Promise<EngineConnection> => {
    await this.#ask(() => undefined);
    return this.#connection();
  };

  connectForPages = async (): Promise<PagesConnection> => {
    await this.#ask(() => undefined);
    const kept = (server: Server, name: string, now: number): KeptPage | undefined => {
      const page = server.pages.get(name);
      return page && page.untilMs > now ? { bytes: page.bytes, leftMs: page.untilMs - now } : undefined;
    };
    const keep = (server: Server, name: string, bytes: Buffer, untilMs: number): "kept" | "full" => {
      if (server.full) return "full";
      server.pages.set(name, { bytes: Buffer.from(bytes), untilMs });
      return "kept";
    };
    return {
      get: (name) => this.#ask((server, now) => kept(server, name, now)),
      put: (name, bytes, forMs) =>
        this.#ask((server, now) => {
          const there = kept(server, name, now)?.bytes.subarray(8, 16);
          if (there !== undefined && Buffer.compare(there, bytes.subarray(8, 16)) > 0) return "older";
          return keep(server, name, bytes, now + forMs);
        }),
      drop: (name, beginning) =>
        this.#ask((server) => {
          const there = server.pages.get(name)?.bytes.subarray(0, beginning.length);
          if (there?.equals(beginning) === true) server.pages.delete(name);
        }),
      hasPieces: (name, token, count) =>
        this.#ask((server, now) =>
          Array.from({ length: count }, (_, index) => kept(server, pieceName(name, token, index), now)).every(
            (piece) => piece !== undefined,
          ),
        ),
      piece: (name, token, index) =>
        this.#ask((server, now) => kept(server, pieceName(name, token, index), now)?.bytes),
      putPiece: (name, token, index, bytes, forMs) =>
        this.#ask((server, now) => keep(server, pieceName(name, token, index), bytes, now + forMs)),
      lock: (name, token, forMs) =>
        this.#ask((server, now) => {
          const there = kept(server, `lock ${name}`, now);
          if (there !== undefined) return String(there.bytes);
          server.pages.set(`lock ${name}`, { bytes: Buffer.from(token), untilMs: now + forMs });
          return "";
        }),
      renewLock: (name, token, forMs) =>
        this.#ask((server, now) => {
          if (String(kept(server, `lock ${name}`, now)?.bytes) !== token) return;
          server.pages.set(`lock ${name}`, { bytes: Buffer.from(token), untilMs: now + forMs });
        }),
      unlock: (name, token) =>
        this.#ask((server, now) => {
          if (String(kept(server, `lock ${name}`, now)?.bytes) === token) server.pages.delete(`lock ${name}`);
        }),
      lockLeft: (name) => this.#ask((server, now) => kept(server, `lock ${name}`, now)?.leftMs ?? -2),
      close: () => undefined,
    };
  };

  /** A record was appended to a server: machines that sleep wake up. */
  wake(): void {
    for (const sleeper of this.#sleepers) sleeper();
  }

  #connection(): EngineConnection {
    return {
      beat: (question) =>
        this.deafTo === "beats"
          ? new Promise(() => undefined)
          : this.#ask((server, now) => this.#weakened(beatAt(server, this.#named(question), now))),
      sleep: (number, ms) => this.#sleep(number, ms),
      append: (_machine, records) =>
        this.#ask((server, now) => {
          const appended = appendAt(server, records, now);
          for (const line of server.lines) line.wake();
          return appended === "absent" ? appended : this.#weakened(appended);
        }),
      confirm: (stand, machines) => this.#ask((server) => confirmAt(server, stand, machines)),
      giveUp: (machines, forMs) =>
        this.#ask((server, now) => {
          for (const [machine, listed] of machines) {
            if (server.machines.get(machine) !== listed) continue;
            server.machines.delete(machine);
            server.missingUntilMs = now + forMs;
          }
        }),
      found: (_machine, stand, mark, recent) =>
        this.#ask((server) => {
          if (server.records.length > 0) return;
          server.records = [...recent, { number: stand.number + 1, mark, before: stand.mark, text: "" }];
        }),
      last: () => this.#ask((server): Stand | undefined => server.last),
      records: (from) =>
        this.#ask((server) => server.records.filter(({ number }) => number >= from).slice(0, MOST_RECORDS)),
      leave: (machine, token) =>
        this.#ask((server) => {
          if (tokenIn(server.machines.get(machine)).startsWith(token)) server.machines.delete(machine);
        }),
      close: () => undefined,
    };
  }

  #weakened<Answer extends Beat | Appended>(answer: Answer): Answer {
    const { joinsAtOnce, steadyAtOnce } = this.weakness;
    if (steadyAtOnce !== true && !(joinsAtOnce === true && "state" in answer)) return answer;
    return { ...answer, steady: answer.run, missing: false };
  }

  #named(question: BeatQuestion): BeatQuestion {
    return this.weakness.sameToken === true ? { ...question, token: `${question.token.split("-")[0]}-0` } : question;
  }

  async #ask<Answer>(question: (server: Server, now: number) => Answer): Promise<Answer> {
    await this.#pause(this.#delayMs);
    if (this.state === "cut") return new Promise(() => undefined);
    let answer = question(this.server, this.#time.steady());
    for (let again = 1; again < this.times; again++) answer = question(this.server, this.#time.steady());
    if (this.state === "deaf") return new Promise(() => undefined);
    await this.#pause(this.#delayMs + this.slowMs);
    return answer;
  }

  async #sleep(number: number, ms: number): Promise<void> {
    if (this.state !== "open" || (this.server.last?.number ?? 0) > number) return this.#pause(this.#delayMs);
    await new Promise<void>((resolve) => {
      const done = (): void => {
        this.#sleepers.delete(done);
        resolve();
      };
      this.#sleepers.add(done);
      this.server.lines.add(this);
      this.#time.after(ms, done);
    });
  }

  #pause(ms: number): Promise<void> {
    return new Promise((resolve) => this.#time.after(ms, resolve));
  }
}

function beatAt(server: Server, { absenceMs, machine, stand, steady, token }: BeatQuestion, now: number): Beat {
  const { last, run } = server;
  const answer = (state: Beat["state"], more?: Partial<Beat>): Beat => ({
    state,
    last: last?.number ?? 0,
    records: [],
    run,
    steady: server.steady,
    before: undefined,
    machines: server.machines.size,
    ...more,
  });
  if (last === undefined) return answer("absent");
  const [first] = server.records as [KeptRecord];
  const at = server.at(stand.number);
  if (at === undefined ? first.number !== stand.number + 1 || first.before !== stand.mark : at.mark !== stand.mark)
    return answer(at === undefined && first.number > stand.number ? "behind" : "diverged");
  const before = server.machines.get(machine);
  server.machines.set(machine, `${stand.number}:${token}`);
  if (steady === run && server.steady !== run) {
    if (server.steady !== "" || first.number > 1) server.missingUntilMs = now + absenceMs;
    server.steady = run;
  }
  return answer("ok", {
    records: server.records.filter(({ number }) => number > stand.number).slice(0, MOST_RECORDS),
    steady: server.steady,
    before: before === undefined ? undefined : { number: Number(before.split(":")[0]), token: tokenIn(before) },
    machines: server.machines.size,
  });
}

function appendAt(
  server: Server,
  records: readonly { readonly mark: string; readonly text: string }[],
  now: number,
): Appended | "absent" {
  if (server.last === undefined) return "absent";
  const first = server.last.number + 1;
  for (const { mark, text } of records) {
    const { number, mark: before } = server.last ?? ORIGIN;
    server.records.push({ number: number + 1, mark, before, text });
  }
  return {
    first,
    last: server.last.number,
    machines: new Map(server.machines),
    missing: server.missingUntilMs > now,
    run: server.run,
    steady: server.steady,
  };
}

function confirmAt(server: Server, { number, mark }: Stand, machines: readonly string[]): Confirmed {
  return {
    run: server.run,
    there: server.at(number)?.mark === mark,
    machines: new Map(machines.map((machine) => [machine, server.machines.get(machine)])),
  };
}

function pieceName(name: string, token: string, index: number): string {
  return `${name}:${token}:${index}`;
}

function tokenIn(listed: string | undefined): string {
  return listed?.slice(listed.indexOf(":") + 1) ?? "";
}

/** A steady clock that a test moves; everything that is due is done on the way. */
export class VirtualTime implements TierTime {
  #now = 1_000_000;
  #order = 0;
  readonly #due = new Map<number, { readonly atMs: number; readonly ring: () => void }>();

  steady(): number {
    return this.#now;
  }

  wall(): number {
    return this.#now + 1_700_000_000_000;
  }

  after(ms: number, ring: () => void): () => void {
    const order = this.#order++;
    this.#due.set(order, { atMs: this.#now + Math.max(ms, 0), ring });
    return () => void this.#due.delete(order);
  }

  async advance(ms: number): Promise<void> {
    const untilMs = this.#now + ms;
    for (;;) {
      await settled();
      let next: [number, { readonly atMs: number; readonly ring: () => void }] | undefined;
      for (const each of this.#due) if (next === undefined || each[1].atMs < next[1].atMs) next = each;
      if (next === undefined || next[1].atMs > untilMs) break;
      this.#due.delete(next[0]);
      this.#now = Math.max(this.#now, next[1].atMs);
      next[1].ring();
    }
    this.#now = untilMs;
    await settled();
  }

  /** Goes on until the work is over. */
  async until<Value>(work: Promise<Value>, mostMs = 60_000): Promise<Value> {
    let over = false;
    const ended = (): void => void (over = true);
    work.then(ended, ended);
    for (let passed = 0; !over && passed < mostMs; passed += 5) await this.advance(5);
    if (!over) throw new Error(`not over after ${mostMs} ms`);
    return work;
  }
}

// What follows from what has happened, as far as no time has to pass for it.
async function settled(): Promise<void> {
  for (let turn = 0; turn < 3; turn++) await new Promise((resolve) => setImmediate(resolve));
}
