/**
 * What a handler answers, on its way to the client and into the cache: bytes at once, a stream while it flows.
 * docs/capture.md describes slow clients, and those that leave.
 */
import type { ServerResponse } from "node:http";
import type { Delivery, Forward, OutgoingResponse, ResponseHead } from "@diskcache/core";
import { send } from "@diskcache/http";
import { ClientBody } from "./client-body.js";
import type { ClientDeparture } from "./departure.js";
import { breakOffBody, linesOf, pairs, play } from "./play.js";

/** By which @hono/node-server is told that the server's response has been written to. */
const ALREADY_SENT = "x-hono-already-sent";

export class Answer {
  readonly #forward: Forward;
  readonly #departure: ClientDeparture;
  readonly #method: string;
  readonly #outgoing: ServerResponse | undefined;
  readonly #outside: Headers | undefined;
  /** The client has been given a stale page meanwhile: this response is only for the cache. */
  #stoodIn = false;
  /** The status of a stale page that has been sent past the framework. */
  #sentPast: number | undefined;

  constructor(
    forward: Forward,
    departure: ClientDeparture,
    method: string,
    outgoing: ServerResponse | undefined,
    outside: Headers | undefined,
  ) {
    this.#forward = forward;
    this.#departure = departure;
    this.#method = method;
    this.#outgoing = outgoing;
    this.#outside = outside && new Headers(outside);
  }

  /** A stale page goes out in the place of what the handler has not answered yet. */
  standIn(stale: OutgoingResponse): Response {
    this.#stoodIn = true;
    this.#departure.left();
    return play(stale, this.#outside, this.#outgoing);
  }

  /** The same on the server's own response: the framework has only one, and the handler's comes back by it. */
  standInPast(stale: OutgoingResponse): void {
    const outgoing = this.#outgoing!;
    if (outgoing.headersSent || this.#departure.gone) return;
    this.#stoodIn = true;
    this.#sentPast = stale.status;
    send(outgoing, { ...stale, headers: linesOf(stale, this.#outside) });
    this.#departure.left();
  }

  /** Whether the client has been given its response past the framework. */
  get isSent(): boolean {
    return this.#sentPast !== undefined;
  }

  /** For the server: nothing is left to send. */
  sent(): Response {
    return new Response(null, { status: this.#sentPast!, headers: { [ALREADY_SENT]: "true" } });
  }

  /** The application has failed, and a stale page takes the place of the failure. */
  instead(stale: OutgoingResponse): Response {
    return play(stale, this.#outside, this.#outgoing);
  }

  /** @returns what the client gets */
  async of(response: Response): Promise<Response> {
    if (!isReadable(response)) {
      this.#forward.directives.assertPlain();
      this.#forward.abort("body");
      return response;
    }
    const { plan } = this.#forward;
    const body = await bodyOf(response, plan.page !== undefined || this.#forward.directives.sealHoles() !== undefined);
    const head = headOf(response);
    if (this.#forward.mayBeHeld) await this.#forward.held(head);
    const delivery = this.#forward.head({ head, before: [...(this.#outside ?? [])].flat(), body: body.whole });
    if (delivery.kind === "filled") return this.#fill(body, delivery);
    if (delivery.kind === "instead") return this.#aside(body, delivery);
    const length = this.#method === "HEAD" && body.whole !== undefined && body.whole.length > 0 ? body.whole.length : 0;
    const [sent, start, end] =
      delivery.kind === "part"
        ? ([fieldsOf(delivery.head), delivery.start, delivery.end] as const)
        : ([changed(response, delivery, length), 0, Number.POSITIVE_INFINITY] as const);
    const { status, statusText } = delivery.kind === "part" ? delivery.head : head;
    const { record } = delivery;
    this.#goOut(sent);
    const aside = this.#stoodIn || this.#departure.gone || this.#method === "HEAD" || response.body === null;
    if (body.whole !== undefined) {
      if (record) this.#forward.write(body.whole);
      void this.#end();
      const bytes = aside ? null : (body.whole.subarray(start, end) as Buffer<ArrayBuffer>);
      return new Response(bytes?.length === 0 ? null : bytes, { status, statusText, headers: sent });
    }
    if (!record && delivery.kind === "pass" && body.untouched) {
      void this.#end();
      return this.#passOn(response, sent, aside);
    }
    const client = aside ? undefined : this.#clientBody(start, end, record);
    void this.#flow(body, record, client);
    return new Response(client?.stream ?? null, { status, statusText, headers: sent });
  }

  #clientBody(start: number, end: number, recorded: boolean): ClientBody {
    const { left } = this.#departure;
    const failed = (): void => breakOffBody(this.#outgoing);
    return new ClientBody(this.#forward, { start, end, recorded }, { left, failed });
  }

  // The response itself, where it can be: other code may have its own things on it.
  #passOn(response: Response, sent: Headers, aside: boolean): Response {
    const { status, statusText, body, headers } = response;
    if (aside) {
      if (body !== null) cancelLater(body);
      return new Response(null, { status, statusText, headers: sent });
    }
    try {
      const removed = [...headers.keys()].filter((name) => !sent.has(name));
      for (const name of removed) headers.delete(name);
      for (const [name, value] of sent) if (name !== "set-cookie") headers.set(name, value);
      return response;
    } catch {
      return new Response(body, { status, statusText, headers: sent }); // its fields are immutable
    }
  }

  #aside(body: Body, { response, record }: Delivery & { kind: "instead" }): Response {
    const played = play(response, this.#outside, this.#outgoing);
    this.#goOut(played.headers);
    if (!record) {
      body.cancel();
      void this.#end();
    } else {
      void this.#flow(body, record, undefined);
      void this.#departure.whenHeadHasGone().then(this.#departure.left);
    }
    return played;
  }

  // Complete, and with its holes filled, before any of it is sent.
  async #fill(body: Body, { filled, record }: Delivery & { kind: "filled" }): Promise<Response> {
    const whole: Buffer[] = [];
    try {
      for (;;) {
        const piece = await body.next();
        if (piece === undefined) break;
        whole.push(piece);
        if (record && !this.#forward.write(piece)) await this.#drained();
      }
    } catch (thrown) {
      this.#forward.abort("error");
      throw thrown;
    }
    const played = play(await filled(Buffer.concat(whole)), this.#outside, this.#outgoing);
    this.#goOut(played.headers);
    void this.#end();
    return played;
  }

  async #flow(body: Body, record: boolean, client: ClientBody | undefined): Promise<void> {
    const forward = this.#forward;
    const isWanted = (): boolean => record && forward.wanted;
    this.#departure.onLeave = (goesOn) => {
      client?.leave();
      if (!goesOn) body.cancel();
    };
    try {
      for (;;) {
        const piece = await body.next();
        if (piece === undefined) break;
        if (record && !forward.write(piece)) await this.#drained();
        const waits = client?.give(piece);
        if (!isWanted() && (client === undefined || client.over)) {
          body.cancel();
          break;
        }
        if (waits !== undefined) await waits;
      }
    } catch (thrown) {
      if (!this.#departure.over) forward.abort("error");
      client?.fail(thrown);
      return;
    }
    if (this.#departure.over) client?.fail(new Error("the response was broken off"));
    else await this.#end();
    client?.finish();
  }

  #goOut(sent: Headers): void {
    this.#departure.handingOver(sent, this.#stoodIn ? undefined : this.#outgoing);
  }

  // Only once it is certain what the client was sent.
  async #end(): Promise<void> {
    await this.#departure.whenHeadHasGone();
    if (!this.#departure.over) void this.#forward.end();
  }

  #drained(): Promise<void> {
    return new Promise((resolve) => (this.#forward.onDrain = resolve));
  }
}

// Any other value is for the server to fail on, as without a cache.
function isReadable(response: Response): boolean {
  const { status, headers, body, bodyUsed } = (response ?? {}) as Partial<Response>;
  if (typeof status !== "number" || status < 200 || typeof headers?.get !== "function") return false;
  return bodyUsed !== true && body?.locked !== true && !headers.has(ALREADY_SENT);
}

function headOf({ status, statusText, headers }: Response): ResponseHead {
  return { status, statusText, rawHeaders: [...headers].flat() };
}

function fieldsOf({ rawHeaders }: ResponseHead): Headers {
  return new Headers(pairs(rawHeaders));
}

/** @param length of the content that a HEAD is not sent; 0: none */
function changed(response: Response, { set, remove }: Delivery & { kind: "pass" }, length: number): Headers {
  const headers = new Headers(response.headers);
  for (const name of remove) headers.delete(name);
  for (const [name, value] of set) headers.set(name, value);
  if (length > 0 && !headers.has("content-length")) headers.set("content-length", String(length));
  return headers;
}

/* The handler's body, piece by piece. */

interface Body {
  /** All of it, where it is there at once. */
  readonly whole: Buffer | undefined;
  /** Whether nothing has been read of it. */
  readonly untouched: boolean;
  /** The bytes belong to the caller. `undefined` at the end. */
  next(): Promise<Buffer | undefined>;
  /** The rest is not wanted. */
  cancel(): void;
}

const EMPTY: Body = {
  whole: Buffer.alloc(0),
  untouched: true,
  next: async () => undefined,
  cancel: () => undefined,
};

/**
 * A Response does not say whether its body is a text or a stream that never ends: what is in memory comes at once.
 * @param look whether it is read so far as to know that
 */
async function bodyOf({ body }: Response, look: boolean): Promise<Body> {
  if (body === null) return EMPTY;
  let reader: ReadableStreamDefaultReader<unknown> | undefined;
  const ahead: (Buffer | undefined)[] = [];
  let pending: Promise<Buffer | undefined> | undefined;
  const read = async (): Promise<Buffer | undefined> => {
    const { done, value } = await (reader ??= body.getReader() as ReadableStreamDefaultReader<unknown>).read();
    return done ? undefined : ownBytes(value);
  };
  const next = async (): Promise<Buffer | undefined> => {
    if (ahead.length > 0) return ahead.shift();
    const begun = pending;
    pending = undefined;
    return begun ?? read();
  };
  const cancel = (): void => cancelLater(reader ?? body);
  if (!look) return { whole: undefined, untouched: true, next, cancel };
  // Two pieces at most: a text, and its end.
  for (let pieces = 0; pieces < 2; pieces++) {
    pending = read();
    pending.catch(() => undefined); // it is looked at when the piece is asked for
    const first = await Promise.race([pending.catch(() => LATER), soon()]);
    if (first === LATER) break;
    pending = undefined;
    ahead.push(first as Buffer | undefined);
    if (first === undefined) {
      const whole = ahead[0] ?? Buffer.alloc(0);
      return { whole, untouched: false, next, cancel };
    }
  }
  return { whole: undefined, untouched: false, next, cancel };
}

// In a later turn: what Node has made of a stream of its own may still give out a piece in this one, which throws where
// no code catches it.
function cancelLater(source: { cancel(): Promise<void> }): void {
  setImmediate(() => void source.cancel().catch(() => undefined));
}

const LATER = Symbol("later");

function soon(): Promise<typeof LATER> {
  return new Promise((resolve) => setImmediate(resolve, LATER));
}

// A copy: the handler may use its own again.
function ownBytes(chunk: unknown): Buffer {
  if (chunk instanceof Uint8Array) return Buffer.from(chunk);
  throw new TypeError(`a body of bytes was expected, and gave ${typeof chunk}`);
}
