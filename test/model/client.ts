/**
 * A client with a script, on a socket of its own: it sends, reads at its pace, and leaves where its script says.
 * Never judges what it gets.
 */
import { performance } from "node:perf_hooks";
import { connect } from "node:net";
import type { NetConnectOpts, Socket } from "node:net";
import type { ClientScript, Field } from "./program.js";
import { ResponseParser } from "./response-parser.js";
import type { ParsedResponse } from "./response-parser.js";

/** One request of a client. */
export interface Asked extends Omit<ClientScript, "match" | "slow" | "leaves"> {
  readonly target: string;
  /** `If-None-Match`. */
  readonly tag?: string | undefined;
}

/** How an answer ended: `none` where it was still awaited when the client was stopped. */
export type End = "complete" | "broken" | "left" | "none";

export interface Received extends Omit<ParsedResponse, "complete"> {
  readonly end: End;
  /** When its end had come, or when no more of it was waited for (`performance.now()`). */
  readonly at: number;
}

/** What a script says of one client beside its request. */
export interface Manners {
  readonly slow?: boolean | undefined;
  readonly leaves?: number | "before-head" | undefined;
}

export interface Client {
  /** As many as it has asked for, once it has settled. */
  readonly received: readonly Received[];
  readonly settled: boolean;
  readonly begun: boolean;
  /** Bytes that have come: whether something moves. */
  readonly progress: number;
  done(): Promise<void>;
  /** Reads from now on. */
  read(): void;
  leave(): void;
  /** Is not interested any more. */
  stop(): void;
}

export const HOST = "model.example";

/** The fields of a request. */
export function requestFields({ range, tag, coding, language }: Asked): Field[] {
  const fields: [string, string | undefined][] = [
    ["Host", HOST],
    ["Range", range],
    ["If-None-Match", tag],
    ["Accept-Encoding", coding],
    ["Accept-Language", language],
  ];
  return fields.filter((field): field is [string, string] => field[1] !== undefined);
}

export class SocketClient implements Client {
  received: readonly Received[] = [];
  readonly #socket: Socket;
  readonly #parser: ResponseParser;
  readonly #asked: Asked;
  readonly #manners: Manners;
  /** When each of the responses that have come whole had. */
  readonly #ends: number[] = [];
  #progress = 0;
  #failed = false;
  #settled = false;
  #settle!: () => void;
  readonly #done = new Promise<void>((resolve) => (this.#settle = resolve));

  constructor(to: NetConnectOpts, asked: Asked, manners: Manners = {}) {
    this.#asked = asked;
    this.#manners = manners;
    const { method = "GET", target, http10, twice } = asked;
    this.#parser = new ResponseParser(Array.from({ length: twice ? 2 : 1 }, () => method));
    const lines = [`${method} ${target} HTTP/1.${http10 ? 0 : 1}`];
    for (const [name, value] of requestFields(asked)) lines.push(`${name}: ${value}`);
    const request = `${lines.join("\r\n")}\r\n\r\n`;
    this.#socket = connect(to);
    this.#socket.on("data", (bytes) => this.#data(bytes));
    this.#socket.on("error", () => (this.#failed = true));
    this.#socket.on("close", () => this.#over(this.#failed ? "broken" : "closed"));
    this.#socket.write(twice ? request + request : request);
    if (manners.slow) this.#socket.pause();
  }

  get settled(): boolean {
    return this.#settled;
  }

  get begun(): boolean {
    return this.#parser.begun;
  }

  get progress(): number {
    return this.#progress;
  }

  done(): Promise<void> {
    return this.#done;
  }

  read(): void {
    this.#socket.resume();
  }

  leave(): void {
    this.#over("left");
  }

  stop(): void {
    this.#over("none");
  }

  #data(bytes: Buffer): void {
    if (this.#settled) return;
    this.#progress += bytes.length;
    this.#parser.feed(bytes);
    while (this.#ends.length < this.#parser.responses.length) this.#ends.push(performance.now());
    const { leaves } = this.#manners;
    if (this.#parser.done) this.#over("closed");
    else if (typeof leaves === "number" && this.#parser.begun && this.#parser.bodyBytes >= leaves) this.leave();
  }

  #over(how: "closed" | "broken" | "left" | "none"): void {
    if (this.#settled) return;
    this.#settled = true;
    this.#parser.close(how === "closed");
    const at = performance.now();
    const otherwise: End = how === "closed" ? "broken" : how;
    const given = this.#parser.responses.map(({ complete, ...response }, index): Received => {
      return { ...response, end: complete ? "complete" : otherwise, at: this.#ends[index] ?? at };
    });
    while (given.length < (this.#asked.twice ? 2 : 1))
      given.push({ status: 0, reason: "", fields: [], body: Buffer.alloc(0), unframed: false, end: otherwise, at });
    this.received = given;
    this.#socket.destroy();
    this.#settle();
  }
}
