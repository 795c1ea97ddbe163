/** A response from the cache as a web `Response`. Never changes what is stored. */
import type { ServerResponse } from "node:http";
import { bodyPieces, breakOff } from "@diskcache/http";
import type { BodySource, OutgoingResponse, RawHeaders } from "@diskcache/core";

/** Statuses whose responses have no content: a Response refuses any. */
const CONTENTLESS: ReadonlySet<number> = new Set([101, 103, 204, 205, 304]);

/** @param outside fields that code outside has set for this client, before the cache was asked
 * @param outgoing the response of node:http that is going to send it, where that is known */
export function play(
  { status, statusText, headers, body, outer }: OutgoingResponse,
  outside: Headers | undefined,
  outgoing: ServerResponse | undefined,
): Response {
  const sent = outside === undefined ? fields(headers) : merged(headers, outer, outside);
  return new Response(CONTENTLESS.has(status) ? null : contentOf(body, outgoing), {
    status,
    statusText,
    headers: sent,
  });
}

/** Its fields as lines, with those that code outside has set. */
export function linesOf({ headers, outer }: OutgoingResponse, outside: Headers | undefined): RawHeaders {
  return outside === undefined ? headers : [...merged(headers, outer, outside)].flat();
}

// What the handler has left alone keeps the value it has for this client.
function merged(raw: RawHeaders, { removed, kept }: OutgoingResponse["outer"], outside: Headers): Headers {
  const sent = new Headers(outside);
  for (const name of removed) sent.delete(name);
  const stored = new Headers(pairs(raw));
  for (const name of stored.keys()) if (!(outside.has(name) && kept.includes(name))) sent.delete(name);
  for (const [name, value] of stored) if (!(outside.has(name) && kept.includes(name))) sent.append(name, value);
  return sent;
}

function contentOf(
  body: OutgoingResponse["body"],
  outgoing: ServerResponse | undefined,
): Uint8Array<ArrayBuffer> | ReadableStream<Uint8Array> | null {
  if (body === undefined) return null;
  if (Buffer.isBuffer(body)) return body.length === 0 ? null : (body as Buffer<ArrayBuffer>);
  return streamOf(body, outgoing);
}

// A plain object where it can be one: servers send that without a detour.
function fields(raw: RawHeaders): Record<string, string> | Headers {
  const plain: Record<string, string> = {};
  for (let index = 0; index < raw.length; index += 2) {
    const name = raw[index]!;
    if (name in plain || name.toLowerCase() === "set-cookie") return new Headers(pairs(raw));
    plain[name] = raw[index + 1]!;
  }
  return plain;
}

export function pairs(raw: RawHeaders): [name: string, value: string][] {
  return Array.from({ length: raw.length / 2 }, (_, index) => [raw[index * 2]!, raw[index * 2 + 1]!]);
}

/** Breaks off what has begun to leave: a server alone may end a body that fails so that it looks whole. */
export function breakOffBody(outgoing: ServerResponse | undefined): void {
  if (outgoing?.headersSent === true && !outgoing.writableEnded) breakOff(outgoing);
}

// A body that turns out to be damaged ends in an error.
function streamOf(source: BodySource, outgoing: ServerResponse | undefined): ReadableStream<Uint8Array> {
  // In the turn in which the file is certainly the one that was looked up.
  const reader = source.open();
  const pieces = bodyPieces(source, reader);
  return new ReadableStream(
    {
      async pull(controller) {
        try {
          const { done, value } = await pieces.next();
          if (done !== true) return controller.enqueue(Uint8Array.from(value)); // a copy: the reader uses its own again
          reader.close();
          controller.close();
        } catch (thrown) {
          reader.close();
          breakOffBody(outgoing);
          controller.error(thrown);
        }
      },
      cancel: () => reader.close(),
    },
    { highWaterMark: 0 },
  );
}
