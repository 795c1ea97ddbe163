/**
 * Lets a handler go on with a response when its client has been given another one: its header fields go to a response
 * that is sent to no client. The tap owns the methods that write the body.
 */
import { ServerResponse } from "node:http";
import { finished } from "node:stream";
import type { Readable } from "node:stream";
import { headerGroups, headersSetOn, isSetCookie, setHeaderGroup } from "./header-groups.js";

const HEADER_METHODS = [
  "setHeader",
  "setHeaders",
  "appendHeader",
  "getHeader",
  "getHeaders",
  "getHeaderNames",
  "getRawHeaderNames",
  "hasHeader",
  "removeHeader",
] as const;
/** Methods that would send at once, and have no client to send to. */
const AT_ONCE = ["flushHeaders", "writeContinue", "writeProcessing", "writeEarlyHints", "writeInformation"] as const;

type Methods = Record<string, unknown>;

/**
 * Call it before the head is sent. The response keeps the fields it had `before`, to be sent with what the client gets,
 * and the cookies that the handler has set for it.
 * @returns switches the handler over, once the head has left
 */
export function putAside(res: ServerResponse, before: readonly string[]): () => void {
  const shadow = new ServerResponse(res.req);
  for (const group of headerGroups(headersSetOn(res)).values()) setHeaderGroup(shadow, group);
  const kept = headerGroups(before);
  for (const name of res.getHeaderNames()) if (!kept.has(name) && !isSetCookie(name)) res.removeHeader(name);
  const { statusCode, statusMessage } = res;
  return () => {
    const own = res as unknown as Methods;
    const aside = shadow as unknown as Methods;
    for (const name of HEADER_METHODS) {
      const method = aside[name];
      if (typeof method === "function")
        own[name] = (...given: unknown[]): unknown => Reflect.apply(method, shadow, given);
    }
    for (const name of AT_ONCE) if (name in own) own[name] = () => undefined;
    Object.defineProperty(res, "headersSent", { value: false, configurable: true, writable: true });
    res.statusCode = statusCode;
    res.statusMessage = statusMessage;
  };
}

/* A handler whose calls reach no client any more. */

/** Its calls must not reach the response that is sent instead. The tap owns the methods that write. */
export function detach(res: ServerResponse): void {
  // Exactly so many times: Node's counters do not always go down for a response that has ended.
  for (let corked = res.writableCorked; corked > 0; corked--) res.uncork();
  res.cork = res.uncork = () => {};
}

/** Ends the streams that are piped to it, where nothing else reads them. */
export function endSources(res: ServerResponse, sources: readonly Readable[]): void {
  for (const source of sources) {
    source.unpipe(res);
    if (source.listenerCount("data") === 0) source.destroy();
  }
}

/** Runs `act` when the source fails, which ends nothing by itself. */
export function whenItFails(source: Readable, act: () => void): void {
  finished(source, { writable: false }, (error) => {
    if (error) act();
  });
}
