/**
 * Refreshes a page behind a stale hit: a request of the cache's own through the server that the client's came by. No
 * client waits for it, and it carries nothing of the client's request that is not in the key.
 */
import { IncomingMessage, ServerResponse } from "node:http";
import { inOwnContext } from "@diskcache/core";
import type { HandleOptions, RawHeaders, RefreshClaim } from "@diskcache/core";
import { headerGroups } from "./header-groups.js";
import { isEncrypted, serverOf } from "./server.js";
import type { AnyServer } from "./server.js";
import { standInSocket } from "./stand-in-socket.js";
import type { OwnAnswer } from "./stand-in-socket.js";

/** Whether a request of the cache's own is to be answered by the application, whatever is stored. */
const OWN = new WeakMap<IncomingMessage, { readonly reload: boolean; readonly keeping: Keeping | undefined }>();

/** Called when the application is asked, with whether its response will be stored. */
export type Keeping = (kept: Promise<boolean>) => void;

/**
 * Whether a request is one of the cache's own, made to refresh a stale page, or to render a page before any client asks
 * for it (`warm`, `refresh`); applications may leave such requests out of their statistics.
 */
export function isRefresh(req: IncomingMessage): boolean {
  return OWN.has(req);
}

/** Makes a request one of the cache's own.
 * @param reload whether it is never answered from the store: its response replaces the stored one */
export function markOwn(req: IncomingMessage, reload: boolean, keeping?: Keeping): void {
  OWN.set(req, { reload, keeping });
}

/** How the cache is to handle a request, as far as that depends on whether it is its own. */
export function askedAs(req: IncomingMessage): Pick<HandleOptions, "refresh" | "own" | "keeping"> {
  const own = OWN.get(req);
  return own === undefined ? CLIENTS : { refresh: own.reload, own: true, keeping: own.keeping };
}

const CLIENTS = Object.freeze({ refresh: false, own: false });

/** Starts the refresh, and releases the claim with the result when it is over. */
export function refreshBehind(client: IncomingMessage, target: string, { rawHeaders, release }: RefreshClaim): void {
  const server = serverOf(client);
  // An injected request came by no server.
  if (server === undefined) return release({ reached: false, status: undefined });
  let reached = false;
  const prepare = (req: IncomingMessage): void => markOwn(req, true, () => void (reached = true));
  const request = { server, target, rawHeaders, encrypted: isEncrypted(client), prepare };
  void sendOwn(request).then(({ status }) => release({ reached, status }));
}

/*
 * A request of the cache's own, through the server that clients come by: no connection, and only the head of the answer
 * is kept.
 */

export interface OwnRequest {
  readonly server: AnyServer;
  readonly target: string;
  readonly rawHeaders: RawHeaders;
  readonly encrypted: boolean;
  /** Receives the request before the server does. */
  readonly prepare?: (req: IncomingMessage) => void;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Sends it in no client's asynchronous context: the page is for all clients, whichever request caused it. Resolves when
 * the answer is over, with or without success. Never rejects.
 */
export function sendOwn(request: OwnRequest): Promise<OwnAnswer> {
  return inOwnContext(() => send(request));
}

function send({ server, target, rawHeaders, encrypted, prepare, signal }: OwnRequest): Promise<OwnAnswer> {
  const socket = standInSocket(server, encrypted);
  const req = new IncomingMessage(socket);
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
  res.assignSocket(socket);
  prepare?.(req);
  const leave = (): void => void socket.destroy();
  signal?.addEventListener("abort", leave);
  // After what the caller is about to send.
  setImmediate(() => {
    try {
      server.emit("request", req, res);
    } catch {
      // A handler that supports HTTP/2 only, or needs what a stand-in lacks: not a client's request, so no reason to
      // end the process.
      leave();
    }
  });
  return new Promise((resolve) => {
    res.once("close", () => {
      signal?.removeEventListener("abort", leave);
      resolve(socket.answer(res.writableFinished));
    });
    res.once("finish", () => {
      res.detachSocket(socket);
      res.emit("close");
    });
  });
}

// As node:http joins them; it does so only for what its own parser has read.
function joinedHeaders(raw: RawHeaders): Record<string, string> {
  const joined: Record<string, string> = {};
  for (const [name, { values }] of headerGroups(raw)) {
    joined[name] = name === "cookie" ? values.join("; ") : SINGLE.has(name) ? values[0]! : values.join(", ");
  }
  return joined;
}

/** Fields of which node:http keeps the first line and drops the others. */
const SINGLE: ReadonlySet<string> = new Set(["content-type", "from", "host", "max-forwards", "user-agent"]);
