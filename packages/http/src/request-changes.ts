/** What a handler sees of a request instead of the client's own conditions, and the request as it came again. */
import type { IncomingMessage } from "node:http";
import type { Forward } from "@diskcache/core";

export function applyRequestChanges(req: IncomingMessage, { requestChanges }: Forward): void {
  for (const name of requestChanges.remove) delete req.headers[name];
  for (const [name, value] of requestChanges.set) req.headers[name] = value;
}

/** For when another exchange answers in the place of this one: what was taken off for this one is there again, and what was put in is gone. */
export function withdrawRequestChanges(req: IncomingMessage, { requestChanges, plan }: Forward): void {
  const { headers } = plan.request;
  for (const name of [...requestChanges.remove, ...requestChanges.set.map(([set]) => set)]) {
    if (headers[name] === undefined) delete req.headers[name];
    else req.headers[name] = headers[name] as string;
  }
}
