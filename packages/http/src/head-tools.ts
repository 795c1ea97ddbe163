/** What the small middlewares do to a node:http response: the same for every framework that has one. */
import type { IncomingMessage, ServerResponse } from "node:http";
import { neverKeep } from "@diskcache/core";
import type { HeaderEdit } from "@diskcache/core";
import { beforeHead } from "./before-head.js";
import { headersSetOn } from "./header-groups.js";
import { reasonPhrase } from "./response-class.js";

const NEVER = new WeakSet<IncomingMessage>();

/** Has no cache keep the response to a request: neither a cache it has passed, nor one it comes to, nor any outside. */
export function markNever(req: IncomingMessage): void {
  NEVER.add(req);
  (req.diskCache as typeof req.diskCache | undefined)?.skip("never");
}

/** Whether a cache that the request comes to is to leave it alone. */
export function isNever(req: IncomingMessage): boolean {
  return NEVER.has(req);
}

export function neverStore(req: IncomingMessage, res: ServerResponse): void {
  markNever(req);
  editHead(res, neverKeep);
}

export function editHead(res: ServerResponse, edit: HeaderEdit): void {
  beforeHead(res, () => {
    // Somebody has kept the methods of before and used them.
    if (res.headersSent) return;
    const head = { status: res.statusCode, statusText: reasonPhrase(res), rawHeaders: headersSetOn(res) };
    for (const [name, value] of edit(head)) {
      if (value === undefined) res.removeHeader(name);
      else res.setHeader(name, value);
    }
  });
}

/** Purges when the response is a success, and lets nothing of it out before that is done. */
export function purgeBeforeHead<Req>(purge: (native: Req) => Promise<void>, native: Req, res: ServerResponse): void {
  beforeHead(res, () => (isSuccess(res.statusCode) ? purge(native) : undefined));
}

/** Statuses by which a handler says that it has done what was asked: 2xx, and 3xx as after a form. */
export function isSuccess(status: number): boolean {
  return status >= 200 && status < 400;
}
