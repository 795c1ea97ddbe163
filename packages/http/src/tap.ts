/** Taps a ServerResponse: the cache sees what the handler writes, on its way to the visitor. Nothing is buffered for the visitor, and a fault of the cache never reaches the handler. */
import type { ServerResponse } from "node:http";
import type { Delivery, Forward, OutgoingResponse, ResponseHead } from "@diskcache/core";
import { CatchUp } from "./catch-up.js";
import { bytesOf, isChunk, ownBytes } from "./chunks.js";
import {
  assertSendable,
  changedLines,
  headerGroups,
  headersGiven,
  headersSetOn,
  isSetCookie,
  setHeaderLines,
} from "./header-groups.js";
import { beforeHeadLeaves } from "./last-moment.js";
import { putAside } from "./put-aside.js";
import { isBareHead, send, sinkOf } from "./send.js";
import type { Sink } from "./send.js";
import { WithoutVisitor } from "./without-visitor.js";

const UNTOUCHED: Delivery = Object.freeze({ kind: "pass", set: [], remove: [], record: false });

const NOTHING: readonly string[] = Object.freeze([]);

type Callback = (error?: Error | null) => void;

/** Puts the cache between a handler and a response. Call it before the handler runs. */
export function tap(res: ServerResponse, forward: Forward): void {
  const tapped = new Tap(res, forward);
  res.writeHead = tapped.writeHead;
  res.write = tapped.write as ServerResponse["write"];
  res.end = tapped.end as ServerResponse["end"];
  res.flushHeaders = tapped.flushHeaders;
}

class Tap {
  readonly #res: ServerResponse;
  readonly #forward: Forward;
  /** The response's methods as they were; another middleware may have hooked them already. */
  readonly #sink: Sink;
  readonly #flushHeaders: () => void;
  /** What was set before the handler ran. */
  readonly #before: readonly string[];
  #delivery: Delivery | undefined;
  /** Bytes of the handler's body so far, as far as they are recorded: where a part begins and ends. */
  #position = 0;
  /** For a visitor who turns out slower than the handler. */
  #catchUp: CatchUp | undefined;
  /** What goes to the visitor when it is whole and its holes are filled. */
  #gathered: Buffer[] | undefined;
  #ended = false;
  #left = false;
  /** What the visitor was given because the handler took too long. */
  #stoodIn: OutgoingResponse | undefined;
  /** The cookies that went out with it: hooks are heard once, and these may be the handler's response's. */
  #stoodInWith: readonly string[] = NOTHING;
  #withoutVisitor: WithoutVisitor | undefined;

  constructor(res: ServerResponse, forward: Forward) {
    this.#res = res;
    this.#forward = forward;
    this.#sink = sinkOf(res);
    this.#flushHeaders = res.flushHeaders;
    const before = headersSetOn(res);
    this.#before = before.length === 0 ? NOTHING : before;
    res.on("close", () => {
      if (!this.#ended) this.#unvisited().closed();
    });
    // Only then is there something to stand in.
    if (forward.plan.selection !== undefined) forward.onTimeout = (stale) => this.#standIn(stale);
  }

  readonly writeHead = (status: number, ...rest: unknown[]): ServerResponse => {
    const { writeHead } = this.#sink;
    if (this.#delivery !== undefined) {
      // Begun: either Node asking for the implicit head, or a second call that has to fail as it always does.
      if (this.#passes) writeHead.call(this.#res, status, ...rest);
      return this.#res;
    }
    const reason = typeof rest[0] === "string" ? rest[0] : undefined;
    const given = headersGiven(reason === undefined ? (rest[1] ?? rest[0]) : rest[1]);
    const unset = this.#begin(status, reason, given, undefined);
    if (!this.#passes) return this.#res;
    writeHead.call(this.#res, status, ...[reason, unset].filter((argument) => argument !== undefined));
    return this.#res;
  };

  readonly write = (chunk: unknown, encoding?: unknown, callback?: unknown): boolean => {
    if (this.#ended && !this.#passesOn) return false;
    if (this.#ended || !isChunk(chunk)) return this.#sink.write.call(this.#res, chunk, encoding, callback);
    if (this.#delivery === undefined) this.#beginImplicitly(undefined);
    this.#withoutVisitor?.wrote();
    const bytes = this.#delivery!.record || !this.#passes ? ownBytes(chunk, encoding) : undefined;
    const room = this.#delivery!.record ? this.#forward.write(bytes!) : true;
    if (!room) this.#forward.onDrain ??= () => this.#drained();
    const flowing = this.#passesOn
      ? this.#sink.write.call(this.#res, chunk, encoding, callback)
      : this.#writeAside(bytes!, typeof encoding === "function" ? encoding : callback);
    this.#position += bytes?.length ?? 0;
    // Told also where the disk is behind: once it has caught up, only the visitor is waited for.
    const taken = this.#catchUp?.given(this.#position, flowing) ?? flowing;
    // A visitor who has left never drains; the handler goes on for the cache's sake.
    return room && (taken || this.#res.destroyed);
  };

  readonly end = (...given: unknown[]): ServerResponse => {
    const [chunk, encoding] = given;
    const callback = given.find((argument) => typeof argument === "function") as Callback | undefined;
    if (this.#ended) {
      if (this.#passesOn) this.#sink.end.apply(this.#res, given);
      return this.#res;
    }
    const last = isChunk(chunk) ? chunk : undefined;
    if (this.#delivery === undefined) this.#beginImplicitly(bytesOf(last ?? "", encoding));
    // What is not kept and goes out as it is costs no copy.
    const own = last !== undefined && (this.#delivery!.record || !this.#passes) ? ownBytes(last, encoding) : undefined;
    if (this.#delivery!.record && own !== undefined) this.#forward.write(own);
    this.#ended = true;
    if (this.#delivery!.kind === "filled") {
      void this.#endFilled(this.#delivery!, own, callback);
      return this.#res;
    }
    if (this.#passesOn) this.#sink.end.apply(this.#res, given);
    else this.#endAside(own, callback);
    this.#finish();
    return this.#res;
  };

  readonly flushHeaders = (): void => {
    if (this.#delivery === undefined) this.#beginImplicitly(undefined);
    // What is filled has no head before it is whole.
    if (this.#delivery!.kind !== "filled") Reflect.apply(this.#flushHeaders, this.#res, []);
  };

  get #passes(): boolean {
    return this.#delivery?.kind === "pass";
  }

  /** Whether what the handler writes goes to the visitor as it is, and at once. */
  get #passesOn(): boolean {
    return this.#passes && this.#catchUp?.behind !== true;
  }

  /** @returns the fields to send, where they are not set on the response: nobody else has a say in what is passed on as it came */
  #begin(
    status: number,
    reason: string | undefined,
    given: readonly string[],
    body: Buffer | undefined,
  ): readonly string[] | undefined {
    const res = this.#res;
    if (res.headersSent) {
      // Somebody kept the methods of before and used them: this response is past saving, and none of ours.
      this.#delivery = UNTOUCHED;
      return undefined;
    }
    const alone = given.length > 0 && isBareHead(res, this.#sink);
    if (alone) assertSendable(given);
    else setHeaderLines(res, given);
    const head = {
      status,
      statusText: reason ?? res.statusMessage ?? "",
      rawHeaders: alone ? given : headersSetOn(res),
    };
    const delivery = this.#forward.head({ head, before: this.#before, body });
    this.#delivery = delivery;
    if (alone && delivery.kind === "pass" && !delivery.record && this.#stoodIn === undefined)
      return changedLines(given, delivery.set, delivery.remove);
    if (alone) setHeaderLines(res, given);
    this.#deliver(delivery);
    return undefined;
  }

  #deliver(delivery: Delivery): void {
    const res = this.#res;
    if (this.#stoodIn !== undefined) {
      this.#delivery = { kind: "instead", response: this.#stoodIn, record: delivery.record };
      return this.#leaving();
    }
    if (delivery.record) beforeHeadLeaves(res, () => this.#leaving());
    if (delivery.kind === "filled") return;
    if (delivery.record && delivery.kind !== "instead")
      this.#catchUp = new CatchUp(res, this.#forward, this.#sink, delivery.kind === "part" ? delivery.end : Infinity);
    if (delivery.kind === "pass") {
      for (const name of delivery.remove) res.removeHeader(name);
      for (const [name, value] of delivery.set) res.setHeader(name, value);
      return;
    }
    this.#unvisited();
    this.#clearHandlersHeaders();
    if (delivery.kind === "instead") send(res, delivery.response, this.#sink);
    else this.#beginPart(delivery.head);
  }

  #beginImplicitly(body: Buffer | undefined): void {
    const res = this.#res;
    this.#begin(res.statusCode, undefined, [], body);
    if (this.#passes) this.#hearHooks();
  }

  // Node makes no head for a visitor who has left, but what is hooked into the making has to be heard: it may set a cookie.
  #hearHooks(): void {
    const res = this.#res;
    if (res.destroyed && !res.headersSent) this.#sink.writeHead.call(res, res.statusCode);
  }

  // The handler takes too long: the visitor gets a stale page, and what still comes is for the cache.
  #standIn(stale: OutgoingResponse): void {
    const res = this.#res;
    if (res.headersSent || this.#delivery !== undefined) return;
    this.#stoodIn = stale;
    this.#unvisited();
    const switchOver = putAside(res, this.#before);
    send(res, stale, this.#sink);
    this.#stoodInWith = headersSetOn(res).filter((_, index, raw) => isSetCookie(raw[index - (index % 2)]!));
    switchOver();
  }

  /** All that can be added to the head is there. Also where no head was ever sent. */
  #leaving(): void {
    if (this.#left || this.#delivery?.record !== true) return;
    this.#left = true;
    const late = this.#forward.leaving([...headersSetOn(this.#res), ...this.#stoodInWith]);
    if (!this.#res.headersSent) for (const [name, value] of late) this.#res.setHeader(name, value);
  }

  #beginPart(head: ResponseHead): void {
    setHeaderLines(this.#res, head.rawHeaders);
    this.#sink.writeHead.call(this.#res, head.status);
  }

  #clearHandlersHeaders(): void {
    const kept = headerGroups(this.#before);
    for (const name of this.#res.getHeaderNames()) if (!kept.has(name)) this.#res.removeHeader(name);
  }

  // The visitor gets another response, or a part of this one: the handler's bytes are for the cache.
  #writeAside(bytes: Buffer, callback: unknown): boolean {
    const delivery = this.#delivery!;
    const from = this.#position;
    if (typeof callback === "function") process.nextTick(callback);
    if (delivery.kind === "filled") (this.#gathered ??= []).push(bytes);
    if (delivery.kind !== "part" || this.#catchUp?.behind === true) return true;
    const wanted = bytes.subarray(Math.max(0, delivery.start - from), Math.max(0, delivery.end - from));
    return wanted.length === 0 || this.#sink.write.call(this.#res, wanted);
  }

  async #endFilled(
    { filled }: Delivery & { kind: "filled" },
    last: Buffer | undefined,
    callback: Callback | undefined,
  ): Promise<void> {
    const gathered = [...(this.#gathered ?? []), ...(last === undefined ? [] : [last])];
    const response = await filled(Buffer.concat(gathered));
    if (callback !== undefined) this.#res.once("finish", callback);
    if (!this.#res.headersSent) this.#clearHandlersHeaders();
    send(this.#res, response, this.#sink);
    this.#hearHooks();
    this.#finish();
  }

  #endAside(last: Buffer | undefined, callback: Callback | undefined): void {
    if (last !== undefined) this.#writeAside(last, undefined);
    this.#position += last?.length ?? 0;
    if (callback !== undefined && this.#res.writableFinished) process.nextTick(callback);
    else if (callback !== undefined) this.#res.once("finish", callback);
    const delivery = this.#delivery!;
    if (delivery.kind !== "part" || this.#catchUp?.behind === true) return;
    // The handler wrote less than it announced: the visitor must not take the part for whole.
    if (this.#position < delivery.end) this.#res.destroy();
    else this.#sink.end.call(this.#res);
  }

  #finish(): void {
    this.#withoutVisitor?.over();
    this.#catchUp?.over();
    this.#leaving();
    // Whoever keeps the forward no longer keeps the response with it.
    this.#forward.onTimeout = this.#forward.onDrain = undefined;
    void this.#forward.end();
  }

  // The visitor has left, or has had his answer.
  #unvisited(): WithoutVisitor {
    return (this.#withoutVisitor ??= new WithoutVisitor(this.#res, {
      write: (chunk, encoding) => this.write(chunk, encoding),
      end: () => this.end(),
      giveUp: () => this.#giveUp(),
      ended: () => this.#ended,
      refused: () => this.#delivery?.record === false,
      wanted: () => this.#delivery === undefined || this.#forward.wanted,
      onDrain: (resume) => (this.#forward.onDrain = resume),
    }));
  }

  #drained(): void {
    const res = this.#res;
    // Node says "drain" itself when the socket was full; when only the disk was behind, nobody else will.
    if (!res.destroyed && (this.#catchUp?.behind === true || !res.writableNeedDrain)) res.emit("drain");
  }

  #giveUp(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#forward.abort("aborted");
  }
}
