/**
 * The head of a tapped response: what the handler has set becomes what is sent. It is decided once, after every hook
 * inside the cache has run, and checked again when it leaves.
 */
import type { ServerResponse } from "node:http";
import type { Delivery, Forward, OutgoingResponse, ResponseHead } from "@diskcache/core";
import type { Party } from "./departure.js";
import {
  assertSendable,
  changedLines,
  headerGroups,
  headersSetOn,
  isSetCookie,
  setHeaderLines,
} from "./header-groups.js";
import { beforeHeadLeaves } from "./on-head.js";
import { putAside } from "./detach-handler.js";
import { reasonPhrase } from "./response-class.js";
import { isBareHead, LOOKED_AT, send } from "./send.js";
import type { Sink } from "./send.js";

const UNTOUCHED: Delivery = Object.freeze({ kind: "pass", set: [], remove: [], record: false });

const NOTHING: readonly string[] = Object.freeze([]);

/** A head as the handler gave it. */
export interface GivenHead {
  readonly status: number;
  /** `undefined`: what is set on the response. */
  readonly reason: string | undefined;
  /** Fields in addition to those that are set. */
  readonly fields: readonly string[];
  /** The whole body, where it is known. */
  readonly body: Buffer | undefined;
}

export class TappedHead {
  readonly #res: ServerResponse;
  readonly #forward: Forward;
  readonly #sink: Sink;
  /** What was set before the handler ran. */
  readonly #before: readonly string[];
  /** Whether the cache wants to know what leaves. */
  #awaited = false;
  #left = false;
  /** The cookies that went out with a response that stood in: hooks run once, and these may be the handler's. */
  #cookies: readonly string[] = NOTHING;

  constructor(res: ServerResponse, forward: Forward, sink: Sink) {
    this.#res = res;
    this.#forward = forward;
    this.#sink = sink;
    const before = headersSetOn(res);
    this.#before = before.length === 0 ? NOTHING : before;
  }

  /**
   * The handler begins its response. Returns what the client gets, and the fields that are sent as given, where none is
   * set and no other code can change them.
   */
  begin({ status, reason, fields, body }: GivenHead): { delivery: Delivery; unset: readonly string[] | undefined } {
    const res = this.#res;
    // The original methods were kept and called: this response cannot be changed any more, and is not the cache's.
    if (res.headersSent) return { delivery: UNTOUCHED, unset: undefined };
    const alone = fields.length > 0 && isBareHead(res, this.#sink);
    if (alone) assertSendable(fields);
    else setHeaderLines(res, fields);
    const statusText = reason ?? reasonPhrase(res);
    const head = { status, statusText, rawHeaders: alone ? fields : headersSetOn(res) };
    const delivery = this.#forward.head({ head, before: this.#before, body });
    const { awaitsLeaving } = this.#forward;
    if (alone && delivery.kind === "pass" && !awaitsLeaving)
      return { delivery, unset: changedLines(fields, delivery.set, delivery.remove) };
    if (alone) setHeaderLines(res, fields);
    this.#awaited = awaitsLeaving;
    if (awaitsLeaving) beforeHeadLeaves(res, () => this.leaves());
    if (delivery.kind === "pass") {
      for (const name of delivery.remove) res.removeHeader(name);
      for (const [name, value] of delivery.set) res.setHeader(name, value);
    }
    return { delivery, unset: undefined };
  }

  /** From here on Node makes the head, or a hook outside does.
   * @param implied when the body begins; otherwise at once */
  pass(status: number, reason: string | undefined, unset: readonly string[] | undefined, implied: boolean): void {
    const res = this.#res;
    res.writeHead = this.#sink.writeHead as ServerResponse["writeHead"];
    if (implied) return this.set(status, reason, []);
    const rest = [reason, unset].filter((argument) => argument !== undefined);
    this.#sink.writeHead.call(res, status, ...rest);
  }

  /** Sets the status and fields as hooks have left them, for Node to make a head from. */
  set(status: number, reason: string | undefined, fields: readonly string[]): void {
    const res = this.#res;
    res.statusCode = status;
    if (reason !== undefined) res.statusMessage = reason;
    setHeaderLines(res, fields);
  }

  /** Nothing more can be added to the head. Also called where no head was ever sent. */
  leaves(): void {
    if (this.#left || !this.#awaited) return;
    this.#left = true;
    const late = this.#forward.leaving([...headersSetOn(this.#res), ...this.#cookies]);
    if (!this.#res.headersSent) for (const [name, value] of late) this.#res.setHeader(name, value);
  }

  /** No client is left to get a head. The hooks into it have to run all the same: one may set a cookie. */
  makeUnsent(status: number): void {
    if (this.#res.headersSent) return;
    this.#sink.writeHead.call(this.#res, status);
    this.leaves();
  }

  /** Another response in the place of the handler's. */
  replace(response: OutgoingResponse): void {
    this.#clear();
    // Fields that are given flat cannot be changed when they leave.
    send(this.#res, response, this.#sink, this.#awaited ? LOOKED_AT : undefined);
  }

  replaceByPart(head: ResponseHead): void {
    this.#clear();
    setHeaderLines(this.#res, head.rawHeaders);
    this.#sink.writeHead.call(this.#res, head.status);
  }

  /**
   * The handler takes too long: another response is sent now, and the handler goes on with one that is sent to no
   * client.
   */
  standIn(response: OutgoingResponse): void {
    const switchOver = putAside(this.#res, this.#before);
    send(this.#res, response, this.#sink);
    this.#cookies = headersSetOn(this.#res).filter((_, index, raw) => isSetCookie(raw[index - (index % 2)]!));
    switchOver();
  }

  #clear(): void {
    const kept = headerGroups(this.#before);
    for (const name of this.#res.getHeaderNames()) if (!kept.has(name)) this.#res.removeHeader(name);
  }
}

/* What an adapter may do with a tapped response. */

export interface Tapped {
  /** Whether the handler has written to the response itself. */
  readonly begun: boolean;
  /** Whether the client was given another response because the handler took too long. */
  readonly stoodIn: boolean;
  /**
   * A framework sends what its handler has left elsewhere: the inner hooks run now, their changes are set on the
   * response, and calls go where they went before.
   * @param successor learns about the client from now on
   */
  release(successor: Party): void;
}
