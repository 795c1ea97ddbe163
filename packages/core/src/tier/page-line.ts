/** The way to an engine that keeps pages and locks: one connection, made again when it has failed, and each question
 * with its time. Where the engine is away it is not asked, so that no request waits and nothing queues up. */
import { tierError } from "../base/errors.js";
import type { DiskCacheError } from "../base/errors.js";
import { Circuit } from "./circuit.js";
import type { PagesConnection } from "./contract.js";
import { Waits } from "./time.js";
import type { TierTime } from "./time.js";

export interface PageLineDeps {
  readonly connect: () => Promise<PagesConnection>;
  /** How long an answer may take. */
  readonly timeoutMs: number;
  readonly time: TierTime;
  /** Told once of an engine that is away, until it has answered again. */
  readonly fault: (error: DiskCacheError) => void;
}

const CONNECT_MS = 2_000;
/** A connection that is lost is made again after so long, or when the engine has had its rest. */
const RETRY_MS = 10;

export class PageLine {
  readonly #deps: PageLineDeps;
  readonly #waits: Waits;
  readonly #circuit: Circuit;
  #connection: PagesConnection | undefined = undefined;
  #connecting = false;
  #cancelConnect: () => void = () => undefined;
  #closed = false;
  #told = false;
  #failures = 0;

  constructor(deps: PageLineDeps) {
    this.#deps = deps;
    this.#waits = new Waits(deps.time);
    this.#circuit = new Circuit(() => deps.time.steady());
    this.#cancelConnect = deps.time.after(0, () => this.#connect());
  }

  /** Whether the engine would be asked now. */
  get open(): boolean {
    return !this.#closed && !this.#circuit.open && this.#connection !== undefined;
  }

  /** Whether the engine has not answered in time lately, and is left alone for a while. */
  get resting(): boolean {
    return this.#circuit.open;
  }

  /** Whether the engine has not answered the last question: what can be done without it is not asked. */
  get doubtful(): boolean {
    return this.#circuit.doubtful;
  }

  /** Times that the engine did not answer in time, or with an error. */
  get failures(): number {
    return this.#failures;
  }

  /** The answer; `undefined` when there is none in time. Never rejects.
   * @param patience how many times the usual time it may take */
  async ask<Answer>(
    question: (connection: PagesConnection) => Promise<Answer>,
    patience = 1,
  ): Promise<Answer | undefined> {
    const connection = this.#connection;
    if (connection === undefined || !this.#circuit.take()) return undefined;
    const asked = question(connection);
    // One that is broken is not asked again; one that is only late may answer the next question in time.
    asked.catch(() => this.#giveUp(connection));
    try {
      const answer = await this.#waits.inTime(this.#deps.timeoutMs * patience, asked);
      this.#answered();
      return answer;
    } catch (error) {
      if (!this.#closed) this.#fail(error);
      if (this.#circuit.open) this.#giveUp(connection);
      return undefined;
    }
  }

  /** Resolves after so long, or when the line is closed. */
  wait(ms: number): Promise<void> {
    return this.#waits.wait(ms);
  }

  get closed(): boolean {
    return this.#closed;
  }

  close(): void {
    this.#closed = true;
    this.#cancelConnect();
    this.#waits.end();
    this.#connection?.close();
    this.#connection = undefined;
  }

  #giveUp(connection: PagesConnection): void {
    if (this.#connection !== connection) return;
    this.#connection = undefined;
    connection.close();
    this.#connectLater();
  }

  #connectLater(): void {
    if (this.#closed) return;
    this.#cancelConnect();
    this.#cancelConnect = this.#deps.time.after(Math.max(RETRY_MS, this.#circuit.restsForMs), () => this.#connect());
  }

  #connect(): void {
    if (this.#closed || this.#connecting || this.#connection !== undefined) return;
    if (!this.#circuit.take()) return this.#connectLater();
    this.#connecting = true;
    const opening = this.#deps.connect();
    this.#waits.inTime(CONNECT_MS, opening).then(
      (connection) => {
        this.#connecting = false;
        this.#answered();
        if (this.#closed) connection.close();
        else this.#connection = connection;
      },
      (error: unknown) => {
        this.#connecting = false;
        if (!this.#closed) this.#fail(error);
        this.#connectLater();
        opening.then(
          (late) => late.close(),
          () => undefined,
        );
      },
    );
  }

  #answered(): void {
    this.#circuit.answered();
    this.#told = false;
  }

  #fail(error: unknown): void {
    this.#failures++;
    this.#circuit.failed();
    if (!this.#circuit.open || this.#told) return;
    this.#told = true;
    this.#deps.fault(tierError("the engine does not answer for pages", error));
  }
}
