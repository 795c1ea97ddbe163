/** Sends a response from the cache to the client. Never changes what is stored. */
import { ServerResponse } from "node:http";
import type { IncomingMessage } from "node:http";
import type { BodySource, OutgoingResponse } from "@diskcache/core";
import { bodyPieces } from "./body-pieces.js";
import { headerGroups, setHeaderGroup } from "./header-groups.js";
import { breakOff, http2Stream, isBareHttp2Write, isGone, sendableLines } from "./response-class.js";
import { NODES_OWN, watchersOf } from "./watch-request.js";

/** The three methods a response is sent with: its own, or those that a tap has put aside. */
export interface Sink {
  writeHead(this: ServerResponse, status: number, ...rest: unknown[]): unknown;
  write(this: ServerResponse, chunk: unknown, ...rest: unknown[]): boolean;
  end(this: ServerResponse, ...given: unknown[]): unknown;
}

const { writeHead: bareWriteHead, write: bareWrite, end: bareEnd } = ServerResponse.prototype;
const BARE: Sink = Object.freeze({ writeHead: bareWriteHead, write: bareWrite, end: bareEnd });

/** node:http's overloads, typed for code that passes arguments on. */
export function sinkOf({ writeHead, write, end }: ServerResponse): Sink {
  return writeHead === BARE.writeHead && write === BARE.write && end === BARE.end ? BARE : { writeHead, write, end };
}

/**
 * Node's own name for where a response keeps fields, `null` until one is set. After that, even if it was removed, Node
 * takes only the last line of each name from a flat list.
 */
const FIELDS = Object.getOwnPropertySymbols(new ServerResponse({ method: "GET" } as IncomingMessage)).find(
  ({ description }) => description === "kOutHeaders",
);

/**
 * Whether no hook is in `writeHead` and no field is set: then lines are sent as given, at the cost of a bare server.
 */
export function isBareHead(res: ServerResponse, { writeHead }: Sink): boolean {
  if (writeHead !== BARE.writeHead) return false;
  if (FIELDS === undefined) return res.getHeaderNames().length === 0;
  return (res as unknown as Record<symbol, unknown>)[FIELDS] === null;
}

/** Whether the callback of `write` can be relied on. */
export function isBareWrite(res: ServerResponse, { write }: Sink): boolean {
  return write === BARE.write || isBareHttp2Write(res, write);
}

/** In place of a number of listeners: other code reads the fields before they leave. */
export const LOOKED_AT = -1;

/**
 * @param unwatching how many of the listeners for the end of the response do not read it then: Node's, and the
 * framework's own
 */
export function send(
  res: ServerResponse,
  response: OutgoingResponse,
  sink: Sink = res,
  unwatching: number = NODES_OWN,
): void {
  if (res.headersSent || isGone(res)) return;
  // Lines that are sent as given cannot be read from the response afterwards.
  const flat = isBareHead(res, sink) && sink.end === BARE.end && watchersOf(res) <= unwatching;
  writeHead(res, response, sink, flat);
  const { body } = response;
  if (body === undefined) sink.end.call(res);
  else if (Buffer.isBuffer(body)) {
    if (sink.end === BARE.end || http2Stream(res) === undefined) sink.end.call(res, body);
    else endOnHttp2(res, body, sink);
    // The bytes the socket takes are with the system when the call returns. A hook may still hold them.
    if (response.lease !== undefined && sink.end === BARE.end && res.writableLength === 0) response.lease.giveBack();
  } else void pump(res, body, sink);
}

function writeHead(res: ServerResponse, response: OutgoingResponse, sink: Sink, flat: boolean): void {
  const { status, headers, outer } = response;
  const named = sink.writeHead === BARE.writeHead || http2Stream(res) === undefined;
  const statusText = named ? response.statusText : "";
  // A failed handler's phrase does not belong to the page in its place; Node sets the usual one.
  if (named && statusText === "" && res.statusMessage) res.statusMessage = "";
  if (flat) {
    if (statusText === "") sink.writeHead.call(res, status, headers);
    else sink.writeHead.call(res, status, statusText, headers);
    return;
  }
  const before = new Set(res.getHeaderNames());
  for (const name of outer.removed) res.removeHeader(name);
  for (const [name, group] of headerGroups(named ? headers : sendableLines(res, headers))) {
    if (!(before.has(name) && outer.kept.includes(name))) setHeaderGroup(res, group);
  }
  if (statusText === "") sink.writeHead.call(res, status);
  else sink.writeHead.call(res, status, statusText);
}

// HTTP/2's own `end` calls the current `write`, which may be a tap's.
// A head that allows no content has ended the stream already.
function endOnHttp2(res: ServerResponse, body: Buffer, sink: Sink): void {
  if (body.length > 0 && http2Stream(res)?.writableEnded === false) sink.write.call(res, body);
  sink.end.call(res);
}

// A body that turns out to be damaged breaks the connection: a short body must never look like a whole one.
async function pump(res: ServerResponse, source: BodySource, sink: Sink): Promise<void> {
  const reader = source.open();
  try {
    for await (const piece of bodyPieces(source, reader)) await write(res, piece, sink);
    sink.end.call(res);
  } catch {
    breakOff(res);
  } finally {
    reader.close();
  }
}

/** Writes a piece of a body; resolves when it has been handed over. Rejects when the client has left. */
export function write(res: ServerResponse, bytes: Buffer, sink: Sink): Promise<void> {
  return new Promise((resolve, reject) => {
    if (isGone(res)) return reject(new Error("the client has left"));
    if (sink.write === BARE.write) {
      // The reader reuses its buffer, so the bytes have to be handed over first.
      sink.write.call(res, bytes, (error?: Error | null) => (error ? reject(error) : resolve()));
      return undefined;
    }
    if (isBareHttp2Write(res, sink.write)) return writeOnHttp2(res, bytes, sink, resolve, reject);
    // A hooked `write` may drop the callback (compression does): wait for its drain instead, and pass it a copy.
    if (sink.write.call(res, Buffer.from(bytes))) return resolve();
    const settle = () => {
      res.off("drain", settle).off("close", settle);
      if (isGone(res)) reject(new Error("the client has left"));
      else resolve();
    };
    res.on("drain", settle).on("close", settle);
    return undefined;
  });
}

// A client that resets its stream without an error, while it reads nothing, leaves the data written to it waiting.
function writeOnHttp2(
  res: ServerResponse,
  bytes: Buffer,
  sink: Sink,
  resolve: () => void,
  reject: (error: Error) => void,
): void {
  const stream = http2Stream(res)!;
  const left = (): void => reject(new Error("the client has left"));
  stream.once("aborted", left);
  sink.write.call(res, bytes, (error?: Error | null) => {
    stream.off("aborted", left);
    if (error) reject(error);
    else resolve();
  });
}
