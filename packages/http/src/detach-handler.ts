/** Lets a handler go on with a response that its client has been given another one for: its header fields go to a response that nobody receives. The methods that write the body are the tap's. */
import { ServerResponse } from "node:http";
import { finished } from "node:stream";
import type { Readable } from "node:stream";
import { headerGroups, headersSetOn, setHeaderGroup } from "./header-groups.js";

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
/** What would be sent at once, and has nobody to go to. */
const AT_ONCE = ["flushHeaders", "writeContinue", "writeProcessing", "writeEarlyHints", "writeInformation"] as const;

type Methods = Record<string, unknown>;

/** Call it while the head is not sent yet. The response keeps the fields it had `before`, to be sent with what the client gets.
 * @returns switches the handler over, once the head is on its way */
export function putAside(res: ServerResponse, before: readonly string[]): () => void {
  const shadow = new ServerResponse(res.req);
  for (const group of headerGroups(headersSetOn(res)).values()) setHeaderGroup(shadow, group);
  const kept = headerGroups(before);
  for (const name of res.getHeaderNames()) if (!kept.has(name)) res.removeHeader(name);
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

/* A handler whose calls are for no client any more. */

/** Its calls must not reach what another response goes out by. The methods that write are the tap's. */
export function detach(res: ServerResponse): void {
  // So many times, and no more: what Node counts of a response that has ended does not always fall.
  for (let corked = res.writableCorked; corked > 0; corked--) res.uncork();
  res.cork = res.uncork = () => {};
}

/** Ends the streams that are piped to it, where no one else reads them. */
export function endSources(res: ServerResponse, sources: readonly Readable[]): void {
  for (const source of sources) {
    source.unpipe(res);
    if (source.listenerCount("data") === 0) source.destroy();
  }
}

/** A source that fails ends nothing by itself. */
export function whenItFails(source: Readable, act: () => void): void {
  finished(source, { writable: false }, (error) => {
    if (error) act();
  });
}
