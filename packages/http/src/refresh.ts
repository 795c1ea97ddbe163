/** Renders a page anew behind a stale one: a request of the cache's own through the server that the visitor's came by. No visitor waits for it, and nothing of the visitor's that is not in the key goes with it. */
import type { IncomingMessage } from "node:http";
import type { RefreshClaim } from "@diskcache/core";
import { sendOwn } from "./own-request.js";
import { isEncrypted, serverOf } from "./server.js";

const REFRESHES = new WeakSet<IncomingMessage>();

/** Whether a request is one of the cache's own, made to refresh a page; applications may leave such requests out of their statistics. */
export function isRefresh(req: IncomingMessage): boolean {
  return REFRESHES.has(req);
}

/** Makes a request one that is never answered from the store, and fills it anew. */
export function markRefresh(req: IncomingMessage): void {
  REFRESHES.add(req);
}

/** Sends the refresh on its way, and gives the claim back when it is over. */
export function refreshBehind(visitor: IncomingMessage, target: string, { rawHeaders, release }: RefreshClaim): void {
  const server = serverOf(visitor);
  if (server === undefined) {
    release();
    return;
  }
  const encrypted = isEncrypted(visitor);
  void sendOwn({ server, target, rawHeaders, encrypted, prepare: markRefresh }).then(release);
}
