/**
 * Makes a response that is over look as if it were in progress: the properties of request, response and connection.
 * Emits no events.
 */
import type { IncomingMessage, ServerResponse } from "node:http";
import type { Duplex } from "node:stream";
import { connectionOf } from "./connection.js";
import { http2Stream, truth } from "./response-class.js";

/** Properties of a request or a response that say that it is over. */
const OVER = [
  "destroyed",
  "closed",
  "_closed",
  "aborted",
  "errored",
  "readableAborted",
  "writableEnded",
  "writableFinished",
] as const;

/** Properties of a connection that is open. HTTP/2's streams have other names for some of them. */
const OPEN: Readonly<Record<string, unknown>> = {
  aborted: false,
  closed: false,
  destroyed: false,
  errored: null,
  readable: true,
  readableAborted: false,
  readableEnded: false,
  readyState: "open",
  rstCode: undefined,
  writable: true,
  writableAborted: false,
  writableEnded: false,
  writableFinished: false,
};

const COVERS = Symbol("diskcache.covers");

type Covered = Duplex & { [COVERS]?: number };

export class LookOpen {
  readonly #req: IncomingMessage;
  readonly #res: ServerResponse;
  readonly #uncover: (() => void)[] = [];
  #uncoverConnection: (() => void) | undefined;

  constructor(req: IncomingMessage, res: ServerResponse) {
    this.#req = req;
    this.#res = res;
  }

  /** Again, where Node has changed a property since.
   * @param left the client has left; otherwise it has had its answer, and the connection is open
   * @param destroyed called when the handler breaks the response off itself */
  cover(left: boolean, destroyed: () => void): void {
    for (const message of [this.#req, this.#res]) {
      for (const name of OVER) {
        const uncover = name in message ? cover(message, name) : undefined;
        if (uncover !== undefined) this.#uncover.push(uncover);
      }
    }
    for (const message of [this.#req, this.#res]) {
      if (Object.hasOwn(message, "destroy")) continue;
      const { destroy } = message;
      message.destroy = (error?: Error) => {
        if (!isNodes(message, error)) destroyed();
        return Reflect.apply(destroy, message, [error]);
      };
      this.#uncover.push(() => Reflect.deleteProperty(message, "destroy"));
    }
    this.#coverSocket();
    if (left) this.coverConnection();
  }

  // Node removes it from a response that has been answered.
  #coverSocket(): void {
    const { socket } = this.#req;
    if (this.#res.socket !== null || http2Stream(this.#res) !== undefined) return;
    Object.assign(this.#res, { socket });
    this.#uncover.push(() => {
      if (this.#res.socket === socket) Object.assign(this.#res, { socket: null });
    });
  }

  /** The client has left after its answer. */
  coverConnection(): void {
    this.#uncoverConnection ??= coverConnection(connectionOf(this.#req, this.#res));
  }

  /** @returns whether it was covered */
  uncoverConnection(): boolean {
    const uncover = this.#uncoverConnection;
    this.#uncoverConnection = undefined;
    uncover?.();
    return uncover !== undefined;
  }

  uncover(): void {
    this.uncoverConnection();
    for (const uncover of this.#uncover.splice(0).reverse()) uncover();
  }
}

/** Pipelined requests share one.
 * @returns takes one cover away */
function coverConnection(connection: Covered): () => void {
  connection[COVERS] = (connection[COVERS] ?? 0) + 1;
  for (const name of Object.keys(OPEN))
    if (name in connection && !Object.hasOwn(connection, name))
      Object.defineProperty(connection, name, { configurable: true, value: OPEN[name] });
  return () => {
    connection[COVERS] = connection[COVERS]! - 1;
    if (connection[COVERS] === 0) for (const name of Object.keys(OPEN)) Reflect.deleteProperty(connection, name);
  };
}

/** @returns restores the property; `undefined` where it has that value already */
function cover(message: IncomingMessage | ServerResponse, name: string): (() => void) | undefined {
  const said: unknown = Reflect.get(message, name);
  const open = name === "errored" ? null : false;
  const own = Object.getOwnPropertyDescriptor(message, name);
  if (own !== undefined && "value" in own) {
    if (said === open) return undefined;
    Reflect.set(message, name, open);
    return () => void Reflect.set(message, name, said);
  }
  Object.defineProperty(message, name, { value: open, configurable: true, writable: true });
  return () =>
    void (own === undefined ? Reflect.deleteProperty(message, name) : Object.defineProperty(message, name, own));
}

// Node itself destroys the request of a client that has left, and one that has been read to its end.
function isNodes(message: IncomingMessage | ServerResponse, error: NodeJS.ErrnoException | undefined): boolean {
  if (error !== undefined) return error.code === "ECONNRESET";
  return "readableEnded" in message && message.readableEnded && truth(message, "destroyed") === false;
}

/* Events of a request and a response that are held back, and emitted later in their order. */

export type Emitter = IncomingMessage | ServerResponse;
export type Emit = (this: Emitter, name: string | symbol, ...given: unknown[]) => boolean;

interface Held {
  readonly emitter: Emitter;
  readonly emit: Emit;
  readonly name: string;
  readonly given: readonly unknown[];
  /** Listeners that were called at once. */
  readonly told: ReadonlySet<unknown>;
}

const NONE: ReadonlySet<never> = new Set();

export class HeldEvents {
  #held: Held[] = [];

  /** @param emit the original method
   * @param outside how many of its listeners, the first ones, are called at once */
  hold(emitter: Emitter, emit: Emit, name: string, given: readonly unknown[], outside = 0): void {
    const first = outside === 0 ? [] : emitter.rawListeners(name).slice(0, outside);
    for (const listener of first) Reflect.apply(listener, emitter, given);
    this.#held.push({ emitter, emit, name, given, told: first.length === 0 ? NONE : new Set(first) });
  }

  /** Not at once: the handler may be running right now. */
  tell(): void {
    const held = this.#held;
    if (held.length === 0) return;
    this.#held = [];
    process.nextTick(() => held.forEach(tellNow));
  }
}

function tellNow({ emitter, emit, name, given, told }: Held): void {
  if (told.size === 0) {
    Reflect.apply(emit, emitter, [name, ...given]);
    return;
  }
  for (const listener of emitter.rawListeners(name)) if (!told.has(listener)) Reflect.apply(listener, emitter, given);
}
