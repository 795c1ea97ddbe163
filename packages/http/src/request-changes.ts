/** What a handler sees of a request instead of the client's own conditions, and the request as it came again. */
import type { IncomingHttpHeaders, IncomingMessage } from "node:http";
import type { Forward } from "@diskcache/core";

/** There were no conditions, or they were left alone. */
export const NOTHING_TO_UNDO = (): void => undefined;

/** @param headers of the request, as they are and not as a watched handler sees them
 * @returns gives the client's own back, for what answers in the cache's place; what has been changed since stays */
export function applyRequestChanges(headers: IncomingHttpHeaders, { requestChanges }: Forward): () => void {
  const { remove, set } = requestChanges;
  if (remove.length === 0 && set.length === 0) return NOTHING_TO_UNDO;
  const own = new Map([...remove, ...set.map(([name]) => name)].map((name) => [name, headers[name]]));
  for (const name of remove) delete headers[name];
  for (const [name, value] of set) headers[name] = value;
  const given = new Map<string, unknown>(set);
  return () => {
    for (const [name, value] of own) {
      if (headers[name] !== given.get(name)) continue;
      if (value === undefined) delete headers[name];
      else headers[name] = value;
    }
  };
}

/** For when another exchange answers in the place of this one: what was taken off for this one is there again, and what was put in is gone. */
export function withdrawRequestChanges(req: IncomingMessage, { requestChanges, plan }: Forward): void {
  const { headers } = plan.request;
  for (const name of [...requestChanges.remove, ...requestChanges.set.map(([set]) => set)]) {
    if (headers[name] === undefined) delete req.headers[name];
    else req.headers[name] = headers[name] as string;
  }
}
