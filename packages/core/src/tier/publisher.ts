/**
 * Brings the purges of this process to all machines, and tells when that is done: each purge waits until every machine
 * that was listed when it was recorded stands at it or beyond, or has been out of contact for a lease. Purges that come
 * while one is on its way go together.
 *
 * | state of a purge | what happens | what ends it |
 * | --- | --- | --- |
 * | queued | waits for the connection | it is appended |
 * | appended | every machine that is not there yet is looked at | all are there, or a lease is over: done |
 * | lost | another server answers, or the record is gone | it is queued again |
 *
 * After `timeoutMs` a purge fails for its caller, and is still delivered: the log of this directory remembers it.
 */
import { undeliveredError } from "../base/errors.js";
import type { OwnPurge } from "../store/log/chain-notes.js";
import type { SharedDirectory } from "../store/sharing.js";
import type { ChainText } from "./chain-text.js";
import type { Appended, Confirmed, EngineConnection } from "./contract.js";
import type { ResolvedTier } from "./settings.js";
import { connected, Waits } from "./time.js";
import type { TierTime } from "./time.js";

export interface PublisherDeps {
  readonly directory: SharedDirectory;
  readonly settings: ResolvedTier;
  readonly time: TierTime;
  readonly text: ChainText;
  readonly answered: () => void;
  readonly failed: (error: unknown) => void;
}

const RETRY_MS = 30;
const LEAST_PAUSE_MS = 1;
const PAUSE_FACTOR = 1.25;
const LONGEST_PAUSE_MS = 20;
/** A lease, and what clocks may differ by in it. */
const LEASE_FACTOR = 1.02;
const LEASE_SLACK_MS = 20;
/** Purges are waited for at most so long when the cache is closed. */
const LONGEST_CLOSE_MS = 10_000;
/** Records that are appended in one step. */
const MOST_AT_ONCE = 500;
const MOST_LATENCIES = 512;

interface Job {
  readonly purges: readonly OwnPurge[];
  readonly sinceMs: number;
  settled: boolean;
  readonly settle: (error?: unknown) => void;
}

interface Batch extends Pick<Appended, "run"> {
  readonly jobs: readonly Job[];
  readonly number: number;
  readonly mark: string;
  /** Machines that are not there yet, and what they were listed with. */
  readonly waiting: Map<string, string>;
  /** Every machine with contact is known to be listed. */
  readonly steady: boolean;
  readonly untilMs: number;
}

export class Publisher {
  readonly #deps: PublisherDeps;
  readonly #waits: Waits;
  readonly #latencies: number[] = [];
  #queue: Job[] = [];
  readonly #batches = new Set<Batch>();
  #connection: Promise<EngineConnection> | undefined = undefined;
  #appending = false;
  #confirming = false;
  #pauseMs = LEAST_PAUSE_MS;
  #closed = false;
  #machines = 0;

  constructor(deps: PublisherDeps) {
    this.#deps = deps;
    this.#waits = new Waits(deps.time);
  }

  /** Machines that were listed at the last purge. */
  get machines(): number {
    return this.#machines;
  }

  /** How long purges took, milliseconds. */
  get latencies(): readonly number[] {
    return this.#latencies;
  }

  /** Connects, so that the first purge does not wait for that. */
  start(): void {
    void this.#connect().catch(() => undefined);
  }

  /** @throws {DiskCacheError} rejects with `ERR_DISKCACHE_PURGE` when it is not known in time that no machine answers
   * with what the purges name */
  publish(purges: readonly OwnPurge[]): Promise<void> {
    if (purges.length === 0) return Promise.resolve();
    const { settings, time } = this.#deps;
    return new Promise((resolve, reject) => {
      const cancel = time.after(settings.timeoutMs, () =>
        job.settle(new Error("the engine did not confirm it in time")),
      );
      const job: Job = {
        purges,
        sinceMs: time.steady(),
        settled: false,
        settle: (error) => {
          if (job.settled) return;
          job.settled = true;
          cancel();
          if (error === undefined) this.#done(job, resolve);
          else reject(undeliveredError(error));
        },
      };
      if (this.#closed) return job.settle(new Error("the cache is closed"));
      this.#queue.push(job);
      void this.#append();
    });
  }

  /** Purges that are under way are waited for; what then is not confirmed is still delivered, by the log. */
  async close(): Promise<void> {
    const { settings, time } = this.#deps;
    const untilMs = time.steady() + Math.min(settings.leaseMs * LEASE_FACTOR + 2 * LEASE_SLACK_MS, LONGEST_CLOSE_MS);
    while ((this.#queue.length > 0 || this.#batches.size > 0) && time.steady() < untilMs) await this.#waits.wait(5);
    this.#closed = true;
    for (const job of [...this.#queue, ...[...this.#batches].flatMap(({ jobs }) => jobs)]) {
      job.settle(new Error("the cache is closed"));
    }
    this.#queue = [];
    this.#batches.clear();
    this.#waits.end();
    this.#disconnect();
  }

  #done({ sinceMs }: Job, resolve: () => void): void {
    this.#latencies.push(this.#deps.time.steady() - sinceMs);
    if (this.#latencies.length > MOST_LATENCIES) this.#latencies.shift();
    resolve();
  }

  async #append(): Promise<void> {
    if (this.#appending) return;
    this.#appending = true;
    try {
      while (this.#queue.length > 0 && !this.#closed) {
        const jobs = this.#next();
        try {
          await this.#appendThese(jobs);
        } catch (error) {
          this.#deps.failed(error);
          this.#disconnect();
          this.#again(jobs);
          await this.#waits.wait(RETRY_MS);
        }
      }
    } finally {
      this.#appending = false;
    }
  }

  #next(): Job[] {
    const waiting = this.#queue.filter(({ settled }) => !settled);
    let records = 0;
    const jobs = waiting.filter(({ purges }, index) => (records += purges.length) <= MOST_AT_ONCE || index === 0);
    this.#queue = waiting.slice(jobs.length);
    return jobs;
  }

  #again(jobs: readonly Job[]): void {
    this.#queue.unshift(...jobs.filter(({ settled }) => !settled));
  }

  async #appendThese(jobs: readonly Job[]): Promise<void> {
    const { directory, settings, text, time } = this.#deps;
    const records = jobs.flatMap(({ purges }) => purges.map((purge) => text.record(purge)));
    const last = records.at(-1);
    if (last === undefined) return;
    const connection = await this.#connect();
    const own = directory.machine();
    const appended = await this.#ask(connection.append(own, records));
    // Where there is no chain, the relay begins one.
    if (appended === "absent") throw new Error("the engine holds no chain of purges");
    this.#deps.answered();
    this.#machines = appended.machines.size;
    if (settings.wait === "recorded") return jobs.forEach((job) => job.settle());
    // This directory has it in its log.
    const waiting = new Map([...appended.machines].filter(([machine]) => machine !== own));
    this.#batches.add({
      jobs,
      number: appended.last,
      mark: last.mark,
      waiting,
      run: appended.run,
      steady: !appended.missing && appended.run !== "" && appended.steady === appended.run,
      untilMs: time.steady() + settings.leaseMs * LEASE_FACTOR + LEASE_SLACK_MS,
    });
    this.#pauseMs = LEAST_PAUSE_MS;
    void this.#confirm();
  }

  async #confirm(): Promise<void> {
    if (this.#confirming) return;
    this.#confirming = true;
    while (this.#batches.size > 0 && !this.#closed) {
      const nowMs = this.#deps.time.steady();
      const batches = [...this.#batches];
      const confirmed = await this.#look(batches).catch((error: unknown) => {
        this.#deps.failed(error);
        this.#disconnect();
        return undefined;
      });
      for (const batch of batches) this.#judge(batch, confirmed, nowMs >= batch.untilMs);
      if (this.#batches.size === 0) break;
      await this.#waits.wait(this.#pauseMs);
      this.#pauseMs = Math.min(this.#pauseMs * PAUSE_FACTOR, LONGEST_PAUSE_MS);
    }
    this.#confirming = false;
  }

  // The chain is never changed but at its end: where the newest record is, all of them are.
  async #look(batches: readonly Batch[]): Promise<Confirmed> {
    const newest = batches.at(-1) as Batch;
    const machines = new Set(batches.flatMap(({ waiting }) => [...waiting.keys()]));
    const connection = await this.#connect();
    return this.#ask(connection.confirm({ number: newest.number, mark: newest.mark }, [...machines]));
  }

  /** @param late whether a lease was over when the machines were looked at */
  #judge(batch: Batch, confirmed: Confirmed | undefined, late: boolean): void {
    const lost = confirmed === undefined ? late : confirmed.run !== batch.run || !confirmed.there;
    if (lost) {
      this.#batches.delete(batch);
      this.#again(batch.jobs);
      void this.#append();
      return;
    }
    for (const [machine, listed] of confirmed?.machines ?? []) {
      if (listed !== undefined && numberIn(listed) >= batch.number) batch.waiting.delete(machine);
    }
    const everywhere = confirmed !== undefined && batch.waiting.size === 0 && batch.steady;
    if (!everywhere && !late) return;
    this.#batches.delete(batch);
    for (const job of batch.jobs) job.settle();
    if (batch.waiting.size > 0) void this.#giveUp(batch.waiting).catch(this.#deps.failed);
  }

  async #giveUp(machines: ReadonlyMap<string, string>): Promise<void> {
    const connection = await this.#connect();
    await this.#ask(connection.giveUp(machines, this.#deps.settings.absenceMs));
  }

  #connect(): Promise<EngineConnection> {
    if (this.#connection !== undefined) return this.#connection;
    const { settings } = this.#deps;
    const connecting = connected(settings.tier, this.#waits, settings.leaseMs);
    connecting.catch(() => {
      if (this.#connection === connecting) this.#connection = undefined;
    });
    return (this.#connection = connecting);
  }

  #disconnect(): void {
    const connection = this.#connection;
    this.#connection = undefined;
    connection?.then(
      (open) => open.close(),
      () => undefined,
    );
  }

  #ask<Answer>(answer: Promise<Answer>): Promise<Answer> {
    return this.#waits.inTime(Math.max(this.#deps.settings.leaseMs / 3, 300), answer);
  }
}

/** What a machine is listed with: its number, a colon, its token. */
function numberIn(listed: string): number {
  return Number(listed.slice(0, listed.indexOf(":")));
}
