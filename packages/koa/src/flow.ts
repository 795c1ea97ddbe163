/** A handler's stream, read by the cache: recorded to its end, whether or not its client stays. */
import type { Readable } from "node:stream";
import type { Delivery, Forward } from "@diskcache/core";
import type { Departure } from "@diskcache/http";
import { ClientStream } from "./client-stream.js";

export interface Flowing {
  /** What the client gets of it. */
  readonly stream: Readable;
  /** The client gets nothing more of it. */
  clientLeft(): void;
}

/** @param ended called when all of it has been read, or enough */
export function flow(
  source: Readable,
  forward: Forward,
  departure: Departure,
  delivery: Exclude<Delivery, { kind: "filled" }>,
  ended: () => void,
): Flowing {
  const { record } = delivery;
  const isWanted = (): boolean => record && forward.wanted;
  spare(source, () => isWanted() && (delivery.kind === "instead" || departure.away));
  const [start, end] = delivery.kind === "part" ? [delivery.start, delivery.end] : [0, Number.POSITIVE_INFINITY];
  const stream = new ClientStream(forward, start, end);
  const read = async (): Promise<void> => {
    for await (const chunk of source) {
      const bytes = ownBytes(chunk);
      if (record && !forward.write(bytes)) await drained(forward);
      if (!isWanted() && stream.over) break;
      await stream.give(bytes);
      // A part that is not recorded needs no more data.
      if (!record && stream.complete) break;
    }
  };
  read().then(
    () => {
      ended();
      stream.finish();
    },
    (error: Error) => {
      forward.abort("error");
      stream.destroy(error);
    },
  );
  // At once: Koa answers the error where the head has not left, and nothing may be written after that.
  source.once("error", (error) => stream.destroy(error));
  // A body that fails breaks the connection: Koa 2 would leave the client waiting for the rest.
  stream.once("error", () => departure.breakOffBody());
  return { stream, clientLeft: () => stream.leave() };
}

/** The handler's stream, complete. */
export async function gather(source: Readable, forward: Forward, record: boolean): Promise<Buffer> {
  const pieces: Buffer[] = [];
  try {
    for await (const chunk of source) {
      const bytes = ownBytes(chunk);
      pieces.push(bytes);
      if (record && !forward.write(bytes)) await drained(forward);
    }
  } catch (error) {
    forward.abort("error");
    throw error;
  }
  return Buffer.concat(pieces);
}

// Koa destroys the body of a response that is over, and one that is replaced.
function spare(source: Readable, isSpared: () => boolean): void {
  const { destroy } = source;
  source.destroy = (error?: Error) =>
    error === undefined && !source.readableEnded && isSpared() ? source : Reflect.apply(destroy, source, [error]);
}

function drained(forward: Forward): Promise<void> {
  return new Promise((resolve) => (forward.onDrain = resolve));
}

// A copy: the handler may reuse its buffer while the cache keeps this one. Any other value fails as in Node's own
// `write`.
function ownBytes(chunk: unknown): Buffer {
  if (typeof chunk === "string" || chunk instanceof Uint8Array) return Buffer.from(chunk as Uint8Array);
  throw new TypeError(`a stream of strings or bytes was expected, and gave ${typeof chunk}`);
}
