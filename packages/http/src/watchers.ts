/** Who listens for the end of a response: logs and metrics, which ask it for its fields when it is over. */
import type { IncomingMessage, ServerResponse } from "node:http";

/** Node itself listens for it once. */
export const NODES_OWN = 1;

/** What the npm package on-finished leaves on a response: one listener of its own, and a queue of those it calls. */
interface SharedListener {
  readonly __onFinished?: { readonly queue?: readonly unknown[] | null } | null;
}

/** How many wait to be told that the response is over. */
export function watchersOf(res: ServerResponse): number {
  return res.listenerCount("finish") + res.listenerCount("close") + Math.max(0, queuedOn(res) - 1);
}

/** How many wait for the end of a message by way of on-finished. */
export function queuedOn(message: IncomingMessage | ServerResponse): number {
  const { __onFinished: shared } = message as SharedListener;
  return shared?.queue?.length ?? 0;
}
