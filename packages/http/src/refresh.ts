/** Refreshes a page behind a stale hit: a request of the cache's own through the server that the client's came by. No client waits for it, and nothing of the client's that is not in the key goes with it. */
import type { IncomingMessage } from "node:http";
import type { HandleOptions, RefreshClaim } from "@diskcache/core";
import { sendOwn } from "./own-request.js";
import { isEncrypted, serverOf } from "./server.js";

/** Whether a request of the cache's own is to be answered by the application, whatever is stored. */
const OWN = new WeakMap<IncomingMessage, { readonly anew: boolean; readonly keeping: Keeping | undefined }>();

/** Told, when the application is asked, whether its response will be stored. */
export type Keeping = (kept: Promise<boolean>) => void;

/** Whether a request is one of the cache's own, made to render a page anew behind a stale one or before anybody comes (`warm`, `refresh`); applications may leave such requests out of their statistics. */
export function isRefresh(req: IncomingMessage): boolean {
  return OWN.has(req);
}

/** Makes a request one of the cache's own.
 * @param anew never answered from the store: it fills it anew */
export function markOwn(req: IncomingMessage, anew: boolean, keeping?: Keeping): void {
  OWN.set(req, { anew, keeping });
}

/** How the cache is to take a request, as far as that shows in whether it is its own. */
export function askedAs(req: IncomingMessage): Pick<HandleOptions, "refresh" | "own" | "keeping"> {
  const own = OWN.get(req);
  return own === undefined ? CLIENTS : { refresh: own.anew, own: true, keeping: own.keeping };
}

const CLIENTS = Object.freeze({ refresh: false, own: false });

/** Sends the refresh on its way, and gives the claim back, with what has become of it, when it is over. */
export function refreshBehind(client: IncomingMessage, target: string, { rawHeaders, release }: RefreshClaim): void {
  const server = serverOf(client);
  // A request that was injected came by none.
  if (server === undefined) return release({ reached: false, status: undefined });
  let reached = false;
  const prepare = (req: IncomingMessage): void => markOwn(req, true, () => void (reached = true));
  const request = { server, target, rawHeaders, encrypted: isEncrypted(client), prepare };
  void sendOwn(request).then(({ status }) => release({ reached, status }));
}
