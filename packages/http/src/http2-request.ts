/**
 * The fields of an HTTP/2 request as HTTP/1.1 would have said them (RFC 9113 §8.3.1), so that a page has one key
 * whichever way it was asked for.
 */
import type { IncomingMessage } from "node:http";
import type { RawHeaders } from "@diskcache/core";

type Fields = Pick<IncomingMessage, "headers" | "rawHeaders">;

interface Http2Request extends IncomingMessage {
  readonly stream: {
    readonly endAfterHeaders: boolean;
    readonly readableEnded: boolean;
    readonly session?: { readonly encrypted?: boolean };
  };
  /** Made once: the core recognises a request by the identity of this list. */
  [LINES]?: RawHeaders;
}

const LINES = Symbol("diskcache.lines");

export function isHttp2Request(req: IncomingMessage): req is Http2Request {
  return req.httpVersionMajor === 2;
}

/** Whether its connection is TLS. */
export function isHttp2Encrypted({ stream }: Http2Request): boolean {
  return stream.session?.encrypted === true;
}

/** Whether all of its content has arrived: HTTP/2's own `complete` counts only what was read. */
export function isHttp2Received({ stream }: Http2Request): boolean {
  return stream.readableEnded;
}

/** The host of a request of either kind. */
export function hostOf(req: IncomingMessage): string | undefined {
  return (req.headers[":authority"] as string | undefined) ?? req.headers.host;
}

/** The field lines, `:authority` as `host`. */
export function http2Lines(req: Http2Request, { rawHeaders, headers }: Fields = req): RawHeaders {
  return (req[LINES] ??= linesOf(req, rawHeaders, headers[":authority"] as string | undefined));
}

/** Both forms of the fields. The named ones are the current ones: a cache further out may have removed conditions. */
export function http2Fields(req: Http2Request, plain: Fields): Fields {
  const headers: IncomingMessage["headers"] = {};
  for (const [name, value] of Object.entries(plain.headers)) if (!name.startsWith(":")) headers[name] = value;
  const lines = http2Lines(req, plain);
  for (let index = 0; index < lines.length; index += 2)
    if (ADDED.has(lines[index]!)) headers[lines[index]!] = lines[index + 1]!;
  return { headers, rawHeaders: lines as string[] };
}

/** Lines that HTTP/2 expresses in another way. */
const ADDED: ReadonlySet<string> = new Set(["host", "transfer-encoding", ":scheme"]);

function linesOf(req: Http2Request, raw: readonly string[], authority: string | undefined): string[] {
  const lines: string[] = authority === undefined ? [] : ["host", authority];
  let announced = false;
  for (let index = 0; index < raw.length; index += 2) {
    const name = raw[index]!;
    const value = raw[index + 1]!;
    announced ||= name === "content-length";
    // One with a different value stays: such a request is left alone, like one with two Host lines.
    const isSaid = name === "host" && value.toLowerCase() === authority?.toLowerCase();
    // Clients choose `:scheme`. Where it contradicts the connection it is in the key, as what proxies say is.
    const contradicts = name === ":scheme" && value !== (isHttp2Encrypted(req) ? "https" : "http");
    if (contradicts || !(name.startsWith(":") || isSaid)) lines.push(name, value);
  }
  // HTTP/2 needs no field to announce content (RFC 9113 §8.1.1).
  if (!req.stream.endAfterHeaders && !announced) lines.push("transfer-encoding", "chunked");
  return lines;
}
