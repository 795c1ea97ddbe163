/**
 * How a handler finds out that its client has gone: events it listens to, and questions it asks. Never acts on what
 * it finds.
 */
import type { IncomingMessage, ServerResponse } from "node:http";
import { finished } from "node:stream";
import type { Writable } from "node:stream";
import type { Sign } from "./program.js";

export interface Noticing {
  readonly req: IncomingMessage;
  readonly res: ServerResponse;
  /** What the handler writes to: the response itself, or a body that a framework sends. */
  readonly body: Writable;
}

/** Calls `gone` where an event tells. */
export function listenFor(sign: Sign, { req, res, body }: Noticing, gone: () => void): void {
  const early = (): void => void (res.writableFinished || gone());
  if (sign === "res-close") res.once("close", early);
  else if (sign === "req-close") req.once("close", early);
  else if (sign === "req-aborted") req.once("aborted", gone);
  else if (sign === "socket-close") req.socket.once("close", early);
  else if (sign === "finished") finished(body, { readable: false }, (error) => void (error && gone()));
  else if (sign === "abort-signal") {
    const controller = new AbortController();
    res.once("close", () => controller.abort());
    // As a fetch of its data would reject: a microtask later.
    controller.signal.addEventListener("abort", () => void Promise.resolve().then(early));
  }
}

/** A question to ask before each step, where no event tells. */
export function questionFor(sign: Sign, { req, res }: Noticing): (() => boolean) | undefined {
  if (sign === "res-destroyed") return () => res.destroyed;
  if (sign === "req-destroyed") return () => req.destroyed;
  if (sign === "aborted-flag") return () => (req as { readonly aborted?: boolean }).aborted === true;
  if (sign === "res-closed") return () => res.closed;
  if (sign === "res-writable") return () => !res.writable;
  if (sign === "socket-destroyed") return () => req.socket.destroyed;
  return undefined;
}
