/** Serves a function from a web `Request` to a `Response` by node:http, as servers do: every field line, backpressure, a
 * signal that aborts when the client leaves, a body that is cancelled then, and a connection that breaks with a body. */
import type { IncomingMessage, RequestListener, ServerResponse } from "node:http";
import { Readable } from "node:stream";

/** @param fetch is given the message and the response behind the request as well */
export function fetchListener(
  fetch: (request: Request, node: { incoming: IncomingMessage; outgoing: ServerResponse }) => Promise<Response>,
): RequestListener {
  const answer = async (incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> => {
    const departure = new AbortController();
    outgoing.on("close", () => outgoing.writableFinished || departure.abort());
    let request: Request;
    try {
      request = requestOf(incoming, departure.signal);
    } catch {
      return void outgoing.writeHead(400).end();
    }
    try {
      await send(await fetch(request, { incoming, outgoing }), outgoing);
    } catch {
      if (outgoing.headersSent) outgoing.destroy();
      else outgoing.writeHead(500).end("failed");
    }
  };
  return (incoming, outgoing) => void answer(incoming, outgoing);
}

function requestOf(incoming: IncomingMessage, signal: AbortSignal): Request {
  const { method = "GET", url = "/", rawHeaders } = incoming;
  const scheme = (incoming.socket as { encrypted?: boolean }).encrypted === true ? "https" : "http";
  const headers = new Headers();
  for (let index = 0; index < rawHeaders.length; index += 2)
    headers.append(rawHeaders[index]!, Buffer.from(rawHeaders[index + 1]!, "latin1").toString("latin1"));
  const whole = url.startsWith("/") ? `${scheme}://${incoming.headers.host}${url}` : url;
  if (method === "GET" || method === "HEAD") return new Request(whole, { method, headers, signal });
  const body = Readable.toWeb(incoming) as ReadableStream;
  return new Request(whole, { method, headers, signal, body, duplex: "half" });
}

async function send({ status, statusText, headers, body }: Response, outgoing: ServerResponse): Promise<void> {
  if (body === null && headers.has("x-hono-already-sent")) return;
  for (const [name, value] of headers) if (name !== "set-cookie") outgoing.setHeader(name, value);
  const cookies = headers.getSetCookie();
  if (cookies.length > 0) outgoing.setHeader("set-cookie", cookies);
  if (statusText === "") outgoing.writeHead(status);
  else outgoing.writeHead(status, statusText);
  if (body === null) return void outgoing.end();
  const reader = (body as ReadableStream<Uint8Array>).getReader();
  const left = (): void => void reader.cancel().catch(() => undefined);
  outgoing.once("close", left);
  for (;;) {
    const { done, value } = await reader.read();
    if (done || outgoing.destroyed) break;
    if (!outgoing.write(value)) await taken(outgoing);
  }
  outgoing.off("close", left);
  outgoing.end();
}

function taken(outgoing: ServerResponse): Promise<void> {
  return new Promise((resolve) => {
    const settle = (): void => {
      outgoing.off("drain", settle).off("close", settle);
      resolve();
    };
    outgoing.on("drain", settle).on("close", settle);
  });
}
