/** A response that only Koa can send: its body is never touched and never kept, and it says so. */
import type { Forward } from "@diskcache/core";
import { headersSetOn } from "@diskcache/http";
import type { Context } from "koa";
import { play, removeHandlersFields } from "./play.js";

/** @param before the fields that were set when the cache handed the request on
 * @throws {DiskCacheError} `ERR_DISKCACHE_HOLE` when the page has holes, which nobody could fill */
export function leaveToKoa(ctx: Context, forward: Forward, before: readonly string[], reason: string): void {
  const { directives } = forward;
  directives.assertPlain();
  directives.skipReason ??= reason;
  const head = { status: ctx.status, statusText: ctx.res.statusMessage ?? "", rawHeaders: headersSetOn(ctx.res) };
  const delivery = forward.head({ head, before, body: undefined });
  if (delivery.kind === "instead") {
    removeHandlersFields(ctx, before);
    play(ctx, delivery.response);
  } else if (delivery.kind === "pass") {
    for (const name of delivery.remove) ctx.remove(name);
    for (const [name, value] of delivery.set) ctx.set(name, value);
  } else if (delivery.kind === "part") {
    // It cannot be cut, and the whole is an answer, too (RFC 9110 §14.2).
    const { rawHeaders } = delivery.head;
    const at = rawHeaders.findIndex((name, index) => index % 2 === 0 && name === "Cache-Status");
    if (at !== -1) ctx.set("Cache-Status", rawHeaders[at + 1]!);
  }
  void forward.end();
}
