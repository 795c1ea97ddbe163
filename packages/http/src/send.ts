/** Plays a response from the cache to the visitor. Never touches what is stored. */
import { ServerResponse } from "node:http";
import type { BodySource, OutgoingResponse } from "@diskcache/core";
import { bodyPieces } from "./body-pieces.js";
import { headerGroups, setHeaderGroup } from "./header-groups.js";

/** The three methods a response is sent with: its own, or those that a tap has put aside. */
export interface Sink {
  writeHead(this: ServerResponse, status: number, ...rest: unknown[]): unknown;
  write(this: ServerResponse, chunk: unknown, ...rest: unknown[]): boolean;
  end(this: ServerResponse, ...given: unknown[]): unknown;
}

const { writeHead: bareWriteHead, write: bareWrite, end: bareEnd } = ServerResponse.prototype;
const BARE: Sink = Object.freeze({ writeHead: bareWriteHead, write: bareWrite, end: bareEnd });

/** node:http's overloads, told as what they are to somebody who passes arguments on. */
export function sinkOf({ writeHead, write, end }: ServerResponse): Sink {
  return writeHead === BARE.writeHead && write === BARE.write && end === BARE.end ? BARE : { writeHead, write, end };
}

/** Whether nobody has hooked the making of the head or set a field: then lines go out as they are given, at the price of a bare server. */
export function isBareHead(res: ServerResponse, { writeHead }: Sink): boolean {
  return writeHead === BARE.writeHead && res.getHeaderNames().length === 0;
}

/** Whether the callback of `write` can be relied on. */
export function isBareWrite({ write }: Sink): boolean {
  return write === BARE.write;
}

export function send(res: ServerResponse, response: OutgoingResponse, sink: Sink = res): void {
  if (res.headersSent || res.destroyed) return;
  writeHead(res, response, sink);
  const { body } = response;
  if (body === undefined) sink.end.call(res);
  else if (Buffer.isBuffer(body)) {
    sink.end.call(res, body);
    // What the socket takes is with the system when the call returns. A hook may still have it.
    if (response.lease !== undefined && sink.end === BARE.end && res.writableLength === 0) response.lease.giveBack();
  } else void pump(res, body, sink);
}

function writeHead(res: ServerResponse, response: OutgoingResponse, sink: Sink): void {
  const { status, statusText, headers, outer } = response;
  // A failed handler's phrase is not that of the page in its place; Node knows the usual one.
  if (statusText === "" && res.statusMessage) res.statusMessage = "";
  if (isBareHead(res, sink)) {
    if (statusText === "") sink.writeHead.call(res, status, headers);
    else sink.writeHead.call(res, status, statusText, headers);
    return;
  }
  const before = new Set(res.getHeaderNames());
  for (const name of outer.removed) res.removeHeader(name);
  for (const [name, group] of headerGroups(headers)) {
    if (!(before.has(name) && outer.kept.includes(name))) setHeaderGroup(res, group);
  }
  if (statusText === "") sink.writeHead.call(res, status);
  else sink.writeHead.call(res, status, statusText);
}

// A body that turns out to be damaged breaks the connection: a short body must never look like a whole one.
async function pump(res: ServerResponse, source: BodySource, sink: Sink): Promise<void> {
  const reader = source.open();
  try {
    for await (const piece of bodyPieces(source, reader)) await write(res, piece, sink);
    sink.end.call(res);
  } catch {
    res.destroy();
  } finally {
    reader.close();
  }
}

function write(res: ServerResponse, bytes: Buffer, sink: Sink): Promise<void> {
  return new Promise((resolve, reject) => {
    if (res.destroyed) return reject(new Error("the visitor has left"));
    if (isBareWrite(sink)) {
      // The reader uses its buffer again, so the bytes have to be on their way first.
      sink.write.call(res, bytes, (error?: Error | null) => (error ? reject(error) : resolve()));
      return undefined;
    }
    // A hooked `write` may drop the callback (compression does): wait for its drain instead, and give it bytes of its own.
    if (sink.write.call(res, Buffer.from(bytes))) return resolve();
    const settle = () => {
      res.off("drain", settle).off("close", settle);
      if (res.destroyed) reject(new Error("the visitor has left"));
      else resolve();
    };
    res.on("drain", settle).on("close", settle);
    return undefined;
  });
}
