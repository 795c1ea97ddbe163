/** Renders a page anew behind a stale one: a request of the cache's own through the server that the visitor's came by. No visitor waits for it, and nothing of the visitor's that is not in the key goes with it. */
import { IncomingMessage, ServerResponse } from "node:http";
import type { Server } from "node:http";
import { Duplex } from "node:stream";
import type { RawHeaders, RefreshClaim } from "@diskcache/core";
import { headerGroups } from "./header-groups.js";

const REFRESHES = new WeakSet<IncomingMessage>();

/** Whether a request is one of the cache's own, made to refresh a page; applications may leave such requests out of their statistics. */
export function isRefresh(req: IncomingMessage): boolean {
  return REFRESHES.has(req);
}

/** Sends the refresh on its way, and gives the claim back when it is over. */
export function refreshBehind(visitor: IncomingMessage, target: string, claim: RefreshClaim): void {
  const server = serverOf(visitor);
  if (server === undefined) {
    claim.release();
    return;
  }
  const socket = new NoVisitor(visitor);
  const req = new IncomingMessage(socket as never);
  REFRESHES.add(req);
  req.method = "GET";
  req.url = target;
  req.httpVersionMajor = 1;
  req.httpVersionMinor = 1;
  req.httpVersion = "1.1";
  req.rawHeaders = [...claim.rawHeaders];
  req.headers = joinedHeaders(claim.rawHeaders);
  req.complete = true;
  req.push(null);
  const res = new ServerResponse(req);
  res.assignSocket(socket as never);
  res.once("close", () => claim.release());
  res.once("finish", () => {
    res.detachSocket(socket as never);
    res.emit("close");
  });
  // After the visitor's answer is on its way.
  setImmediate(() => server.emit("request", req, res));
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

// node:http puts the server on every socket it accepts; TLS sockets carry it as well.
function serverOf(req: IncomingMessage): Server | undefined {
  const { server } = req.socket as unknown as { server?: Server };
  return typeof server?.emit === "function" ? server : undefined;
}

/** A connection with nobody at the other end: takes everything, at once. */
class NoVisitor extends Duplex {
  readonly remoteAddress: string | undefined;
  readonly encrypted: boolean;
  readonly server: Server | undefined;

  constructor(visitor: IncomingMessage) {
    super();
    this.remoteAddress = "127.0.0.1";
    this.encrypted = "encrypted" in visitor.socket && visitor.socket.encrypted === true;
    this.server = serverOf(visitor);
  }

  override _read(): void {}

  override _write(_chunk: Buffer, _encoding: BufferEncoding, done: () => void): void {
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
