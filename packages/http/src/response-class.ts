/**
 * What differs between node:http's response and that of HTTP/2's compatibility API. All other code works with both
 * without checking. Contains no caching logic.
 */
import { ServerResponse } from "node:http";
import type { Socket } from "node:net";
import type { PageCache, RawHeaders } from "@diskcache/core";

/** The stream behind the compatibility API. Its public methods, as far as they are used here. */
interface Http2Stream {
  respond(...given: unknown[]): void;
  readonly aborted: boolean;
  readonly closed: boolean;
  readonly destroyed: boolean;
  readonly writableEnded: boolean;
  readonly writableFinished: boolean;
  readonly rstCode: number;
  readonly errored: NodeJS.ErrnoException | null;
  once(event: "aborted", listener: () => void): unknown;
  off(event: "aborted", listener: () => void): unknown;
}

type Method = (this: ServerResponse, ...given: unknown[]) => unknown;

/** Without one of these nothing can be recorded, and nothing sent. */
const NEEDED = [
  "setHeader",
  "getHeader",
  "getHeaderNames",
  "removeHeader",
  "writeHead",
  "write",
  "end",
  "on",
  "once",
  "off",
  "emit",
] as const;

/** Node's own name for the head as it was sent, undocumented, and read by all libraries that hook into responses. */
const HEADER = "_header";

/** They describe one connection: HTTP/2 has no place for them (RFC 9113 §8.2.2). */
const CONNECTION_FIELDS: ReadonlySet<string> = new Set([
  "connection",
  "keep-alive",
  "proxy-connection",
  "transfer-encoding",
  "upgrade",
]);

/** RFC 9113 §7. */
const CANCEL = 0x8;

/**
 * Whether the cache can work with a response. Both classes of Node have `_header`: for them one property check is
 * enough.
 */
export function isKnownResponse(res: ServerResponse): boolean {
  return (res as unknown as Record<string, unknown>)[HEADER] !== undefined || hasNeededMethods(res);
}

function hasNeededMethods(res: ServerResponse): boolean {
  // Express puts the methods of node:http over an HTTP/2 response, where none of them works.
  if (typeof res !== "object" || res === null || res instanceof ServerResponse) return false;
  return NEEDED.every((name) => typeof (res as Partial<ServerResponse>)[name] === "function");
}

/** The stream of an HTTP/2 response; `undefined` for any other. */
export function http2Stream(res: ServerResponse): Http2Stream | undefined {
  const { stream } = res as { readonly stream?: Partial<Http2Stream> };
  return typeof stream?.respond === "function" ? (stream as Http2Stream) : undefined;
}

export function isHttp2Response(res: ServerResponse): boolean {
  return http2Stream(res) !== undefined;
}

/** Whether nothing can reach the client any more: it has left, or its answer is over. */
export function isGone(res: ServerResponse): boolean {
  const destroyed = res.destroyed as boolean | undefined;
  if (destroyed !== undefined) return destroyed;
  const stream = http2Stream(res);
  return stream !== undefined && (stream.closed || stream.destroyed);
}

/** Once a response is closed: whether its client ended it, by leaving or by resetting its stream.
 * Otherwise this side did: the application, or the server's limits. */
export function clientLeft(res: ServerResponse): boolean {
  const stream = http2Stream(res);
  if (stream === undefined) {
    const { socket } = res.req;
    const errored = truth(socket, "errored") as NodeJS.ErrnoException | null;
    return truth(socket, "readableEnded") === true || errored?.syscall !== undefined;
  }
  // A session that ends closes its streams with the same code.
  return truth(stream, "rstCode") === CANCEL || (stream as EndedHere)[ENDED_HERE] !== true;
}

const ENDED_HERE = Symbol("diskcache.endedHere");

type EndedHere = Http2Stream & { [ENDED_HERE]?: boolean };

/** Makes a response of HTTP/2 remember that this side ended it: the code of a reset does not say which side sent it. */
export function noteOwnEnd(res: ServerResponse): void {
  const stream = http2Stream(res) as EndedHere & Record<"close" | "destroy", Method>;
  if (stream[ENDED_HERE] !== undefined) return;
  stream[ENDED_HERE] = false;
  for (const name of ["close", "destroy"] as const) {
    const method = stream[name];
    stream[name] = (...given) => {
      // When its client has reset a stream, Node has marked it closed before this call.
      if (truth(stream, "closed") === false && truth(stream, "destroyed") === false) stream[ENDED_HERE] = true;
      return Reflect.apply(method, stream, given);
    };
  }
}

/** The real value of a property of the connection, whatever handlers see. */
export function truth(connection: object, name: string): unknown {
  return Reflect.get(Object.getPrototypeOf(connection) as object, name, connection);
}

/** Breaks a response off in a way its client detects: on HTTP/2 a reset without an error would pass for an end. */
export function breakOff(res: ServerResponse): void {
  if (http2Stream(res) !== undefined) {
    // In a later turn: when a stream is reset while Node handles its client's reset of another one, Node sends forever.
    setImmediate(() => void res.destroy(new Error("the response was broken off")));
    return;
  }
  if (res.req.httpVersionMinor === 0) reset(res.req.socket);
  res.destroy();
}

// Without a length or chunks, the end of the connection would pass for the end of the page (RFC 9112 §6.3).
function reset(socket: Socket): void {
  try {
    socket.resetAndDestroy();
  } catch {
    // Neither TLS nor a socket of the file system can be reset.
  }
}

/**
 * The reason phrase that was set. HTTP/2 has none (RFC 9113 §8.3.2), and Node emits a warning when it is read there.
 */
export function reasonPhrase(res: ServerResponse): string {
  return http2Stream(res) === undefined ? (res.statusMessage ?? "") : "";
}

/** Makes an HTTP/2 response ignore a reason phrase without a warning: code for both protocols reads and sets it. */
export function ignoreReasonPhrase(res: ServerResponse): void {
  if (http2Stream(res) === undefined) return;
  Object.defineProperty(res, "statusMessage", { configurable: true, get: () => "", set: () => {} });
}

/** The names of the fields set so far: in their original case where the class keeps it, without HTTP/2's `:status`. */
export function namesSetOn(res: ServerResponse): string[] {
  // Node has it on every outgoing message; its types know it on requests only.
  const { getRawHeaderNames } = res as unknown as { readonly getRawHeaderNames?: () => string[] };
  if (getRawHeaderNames !== undefined) return Reflect.apply(getRawHeaderNames, res, []);
  return res.getHeaderNames().filter((name) => !name.startsWith(":"));
}

/** The lines that may be sent on a response of this class: the same list where all may. */
export function sendableLines(res: ServerResponse, raw: RawHeaders): RawHeaders {
  if (http2Stream(res) === undefined) return raw;
  const lines: string[] = [];
  for (let index = 0; index < raw.length; index += 2)
    if (!CONNECTION_FIELDS.has(raw[index]!.toLowerCase())) lines.push(raw[index]!, raw[index + 1]!);
  return lines;
}

/** Whether `write` is HTTP/2's own, which calls back when the bytes are on their way. */
export function isBareHttp2Write(res: ServerResponse, write: unknown): boolean {
  return http2Stream(res) !== undefined && write === (Object.getPrototypeOf(res) as ServerResponse).write;
}

/** Node's own name for the method that makes a head, undocumented and as old as node:http. */
const MAKE_HEAD = "_storeHeader";

/** Where a head becomes bytes, after every hook into `writeHead`: an object and the name of its method.
 * `undefined` where a class does not expose that. */
export function headMaker(res: ServerResponse): readonly [owner: Record<string, Method>, name: string] | undefined {
  const methods = res as unknown as Record<string, Method>;
  if (methods[MAKE_HEAD] !== undefined) return [methods, MAKE_HEAD];
  const stream = http2Stream(res);
  return stream && [stream as unknown as Record<string, Method>, "respond"];
}

/* A request with a response of no known class: the application answers as if there were no cache. Never throws. */

const DETAIL = "response";

let warned = false;

/** Reports it in the response, where it takes a field, in the counters and events, and once to the operator. */
export function stepAside<Req>(cache: PageCache<Req>, res: ServerResponse, target: string): void {
  cache.leftAlone(target, DETAIL);
  try {
    res.setHeader("Cache-Status", `diskcache; fwd=bypass; detail=${DETAIL}`);
  } catch {
    // This response takes no fields.
  }
  if (warned) return;
  warned = true;
  process.emitWarning("a response is neither node:http's nor node:http2's: requests like it are not cached", {
    type: "DiskCacheWarning",
    code: "DISKCACHE_RESPONSE",
    detail: "Said once. On HTTP/2, Express needs `cache.front(app)` for its hits; it does not work there by itself.",
  });
}
