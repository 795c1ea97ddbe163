/** The conditions a handler sees in place of the client's own, and the request as it was received. */
import type { IncomingHttpHeaders, IncomingMessage } from "node:http";
import type { Forward } from "@diskcache/core";

/** There were no conditions, or they were left alone. */
export const NOTHING_TO_UNDO = (): void => undefined;

/** @param headers of the request, the originals and not the view of a watched handler
 * @returns restores the client's own, for code that answers in the cache's place; changes made since stay */
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

/**
 * For when another exchange answers in the place of this one: fields removed for this one are restored, and those added
 * are removed.
 */
export function withdrawRequestChanges(req: IncomingMessage, { requestChanges, plan }: Forward): void {
  const { headers } = plan.request;
  for (const name of [...requestChanges.remove, ...requestChanges.set.map(([set]) => set)]) {
    if (headers[name] === undefined) delete req.headers[name];
    else req.headers[name] = headers[name] as string;
  }
}
