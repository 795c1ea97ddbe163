/** What a handler sees of a request. A condition or a range that the cache has taken on itself is given back to what
 * answers in its place. */
import { applyRequestChanges, NOTHING_TO_UNDO } from "@diskcache/http";
import type { Forward } from "@diskcache/core";
import type { Context } from "koa";

/** Changes the request for a handler that answers through Koa, until it is known to answer past Koa:
 * - `ctx.respond = false`: what it calls writes to `ctx.res`. `ctx.respond = true` takes that back.
 * - It has taken `ctx.res`, and nothing is stored: koa-connect hands it on without a word. Where a page is stored,
 *   answers come through Koa.
 * @returns gives the client's own back for good, once the handler is done */
export function changeRequest(ctx: Context, forward: Forward): () => void {
  const { headers } = ctx.req;
  const changes = applyRequestChanges(headers, forward);
  if (changes === NOTHING_TO_UNDO) return changes;
  let undo: (() => void) | undefined = changes;
  let over = false;
  const giveBack = (): void => {
    undo?.();
    undo = undefined;
  };
  watchRespond(ctx, (respond) => {
    if (respond === false) giveBack();
    else if (!over) undo ??= applyRequestChanges(headers, forward);
  });
  if (forward.requestChanges.set.length === 0) watchTaking(ctx, giveBack);
  return () => {
    over = true;
    giveBack();
  };
}

// A route may have a cache of its own inside another one, and both listen.
function watchRespond(ctx: Context, told: (respond: boolean | undefined) => void): void {
  const outer = Object.getOwnPropertyDescriptor(ctx, "respond");
  let { respond } = ctx;
  Object.defineProperty(ctx, "respond", {
    configurable: true,
    enumerable: true,
    get: () => respond,
    set: (given: boolean | undefined) => {
      respond = given;
      if (given === false) told(given);
      outer?.set?.call(ctx, given);
      if (given !== false) told(given);
    },
  });
}

function watchTaking(ctx: Context, taken: () => void): void {
  const { res } = ctx;
  Object.defineProperty(ctx, "res", {
    configurable: true,
    enumerable: true,
    get: () => {
      Object.defineProperty(ctx, "res", { configurable: true, enumerable: true, writable: true, value: res });
      taken();
      return res;
    },
    set: (given: unknown) => {
      Object.defineProperty(ctx, "res", { configurable: true, enumerable: true, writable: true, value: given });
    },
  });
}
