/** The server that requests come by, where the cache sends requests of its own, and the types of its handlers. */
import type { IncomingMessage, RequestListener, Server } from "node:http";
import type { Http2SecureServer, Http2Server, Http2ServerRequest, Http2ServerResponse } from "node:http2";
import { hostOf, isHttp2Encrypted, isHttp2Request } from "./http2-request.js";

/** A server of node:http, node:https or node:http2. */
export type AnyServer = Server | Http2Server | Http2SecureServer;

/** What a client's request showed about its server. */
export interface KnownServer {
  readonly server: AnyServer;
  readonly host: string | undefined;
  readonly encrypted: boolean;
}

const KNOWN = new WeakMap<object, KnownServer>();

/** Remembers the server of a cache by the first request that comes by it. */
export function learnServer(cache: object, req: IncomingMessage): void {
  if (KNOWN.has(cache)) return;
  const server = serverOf(req);
  if (server !== undefined) KNOWN.set(cache, { server, host: hostOf(req), encrypted: isEncrypted(req) });
}

export function knownServer(cache: object): KnownServer | undefined {
  return KNOWN.get(cache);
}

// node:http puts the server on every socket it accepts, and TLS does. HTTP/2 shows it while the connection lasts.
export function serverOf({ socket }: IncomingMessage): AnyServer | undefined {
  const { server } = socket as unknown as { server?: AnyServer };
  return typeof server?.emit === "function" ? server : undefined;
}

export function isEncrypted(req: IncomingMessage): boolean {
  return isHttp2Request(req) ? isHttp2Encrypted(req) : isTls(req);
}

export function schemeOf(req: IncomingMessage): "http" | "https" {
  return isEncrypted(req) ? "https" : "http";
}

/** The same for a request that is known to be HTTP/1. */
export function http1Scheme(req: IncomingMessage): "http" | "https" {
  return isTls(req) ? "https" : "http";
}

function isTls({ socket }: IncomingMessage): boolean {
  return (socket as { encrypted?: boolean }).encrypted === true;
}

/* Types of handlers for requests of node:http and node:http2: with Node's own types, one function cannot be both. */

/** A handler that is written for the compatibility API of node:http2. */
export type Http2Listener = (req: Http2ServerRequest, res: Http2ServerResponse) => void;

/** Takes requests of either kind: for `createServer` of node:http, node:https and node:http2. */
export type ServerListener = RequestListener & Http2Listener;

/** Wraps a handler. */
export interface WrapListener {
  (handler: RequestListener): ServerListener;
  (handler: Http2Listener): Http2Listener;
}
