/** A request of the cache's own, through the server that visitors come by: no connection, nobody at the other end, and nothing kept of the answer but its beginning. */
import { IncomingMessage, ServerResponse } from "node:http";
import { Duplex } from "node:stream";
import { inOwnContext } from "@diskcache/core";
import type { RawHeaders } from "@diskcache/core";
import { headerGroups } from "./header-groups.js";
import { isHttp2Server } from "./server.js";
import type { AnyServer } from "./server.js";

/** What the answer to a request of one's own can be told by. */
export interface OwnAnswer {
  /** `undefined` when the answer was broken off. */
  readonly status: number | undefined;
  /** The `Cache-Status` field, empty without one. */
  readonly cacheStatus: string;
}

export interface OwnRequest {
  readonly server: AnyServer;
  readonly target: string;
  readonly rawHeaders: RawHeaders;
  readonly encrypted: boolean;
  /** Told of the request before the server is. */
  readonly prepare?: (req: IncomingMessage) => void;
  readonly signal?: AbortSignal | undefined;
}

/** Sends it in no client's asynchronous context: the page is for everybody, whoever gave the occasion. Resolves when the answer is over, however it went. Never rejects. */
export function sendOwn(request: OwnRequest): Promise<OwnAnswer> {
  return inOwnContext(() => send(request));
}

function send({ server, target, rawHeaders, encrypted, prepare, signal }: OwnRequest): Promise<OwnAnswer> {
  const socket = new NoVisitor(server, encrypted);
  const req = new IncomingMessage(socket as never);
  req.method = "GET";
  req.url = target;
  req.httpVersionMajor = 1;
  req.httpVersionMinor = 1;
  req.httpVersion = "1.1";
  req.rawHeaders = [...rawHeaders];
  req.headers = joinedHeaders(rawHeaders);
  req.complete = true;
  req.push(null);
  const res = new ServerResponse(req);
  res.assignSocket(socket as never);
  prepare?.(req);
  const leave = (): void => void socket.destroy();
  signal?.addEventListener("abort", leave);
  // After whatever the caller is about to send.
  setImmediate(() => {
    try {
      server.emit("request", req, res);
    } catch (thrown) {
      // This request is one of HTTP/1.1, and the handler may know HTTP/2 alone.
      if (!isHttp2Server(server)) throw thrown;
      leave();
    }
  });
  return new Promise((resolve) => {
    res.once("close", () => {
      signal?.removeEventListener("abort", leave);
      resolve(socket.answer(res.writableFinished));
    });
    res.once("finish", () => {
      res.detachSocket(socket as never);
      res.emit("close");
    });
  });
}

// As node:http joins them; it does so by itself only for what its own parser has read.
function joinedHeaders(raw: RawHeaders): Record<string, string> {
  const joined: Record<string, string> = {};
  for (const [name, { values }] of headerGroups(raw)) {
    joined[name] = name === "cookie" ? values.join("; ") : SINGLE.has(name) ? values[0]! : values.join(", ");
  }
  return joined;
}

/** Fields of which node:http keeps the first line and drops the others. */
const SINGLE: ReadonlySet<string> = new Set(["content-type", "from", "host", "max-forwards", "user-agent"]);

const MOST_HEAD_BYTES = 64 * 1024;

/** A connection with nobody at the other end: takes everything, at once. */
class NoVisitor extends Duplex {
  readonly remoteAddress = "127.0.0.1";
  readonly encrypted: boolean;
  readonly server: AnyServer;
  #head = "";
  #headEnded = false;

  constructor(server: AnyServer, encrypted: boolean) {
    super();
    this.server = server;
    this.encrypted = encrypted;
  }

  answer(finished: boolean): OwnAnswer {
    const status = /^HTTP\/1\.1 (\d{3})/.exec(this.#head)?.[1];
    return {
      status: finished && status !== undefined ? Number(status) : undefined,
      cacheStatus: /^cache-status: *(.*)$/im.exec(this.#head)?.[1]?.trim() ?? "",
    };
  }

  override _read(): void {}

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: () => void): void {
    if (!this.#headEnded) {
      this.#head += chunk.toString("latin1");
      const end = this.#head.indexOf("\r\n\r\n");
      this.#headEnded = end >= 0 || this.#head.length > MOST_HEAD_BYTES;
      if (end >= 0) this.#head = this.#head.slice(0, end);
    }
    done();
  }

  // What node:http and frameworks ask of a socket.
  setTimeout(): this {
    return this;
  }

  setNoDelay(): this {
    return this;
  }

  setKeepAlive(): this {
    return this;
  }

  address(): object {
    return {};
  }
}
