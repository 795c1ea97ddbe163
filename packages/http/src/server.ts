/** The server that requests come by: where the cache sends requests of its own. */
import type { IncomingMessage, Server } from "node:http";

/** What one visitor's request told. */
export interface KnownServer {
  readonly server: Server;
  readonly host: string | undefined;
  readonly encrypted: boolean;
}

const KNOWN = new WeakMap<object, KnownServer>();

/** Remembers the server of a cache by the first request that comes by it. */
export function learnServer(cache: object, req: IncomingMessage): void {
  if (KNOWN.has(cache)) return;
  const server = serverOf(req);
  if (server !== undefined) KNOWN.set(cache, { server, host: req.headers.host, encrypted: isEncrypted(req) });
}

export function knownServer(cache: object): KnownServer | undefined {
  return KNOWN.get(cache);
}

// node:http puts the server on every socket it accepts; TLS sockets carry it as well.
export function serverOf({ socket }: IncomingMessage): Server | undefined {
  const { server } = socket as unknown as { server?: Server };
  return typeof server?.emit === "function" ? server : undefined;
}

export function isEncrypted({ socket }: IncomingMessage): boolean {
  return (socket as { encrypted?: boolean }).encrypted === true;
}

export function schemeOf(req: IncomingMessage): "http" | "https" {
  return isEncrypted(req) ? "https" : "http";
}
