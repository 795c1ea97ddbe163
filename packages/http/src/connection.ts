/**
 * The connection that a response goes out by: what ended it, and what watches it besides the request and the response.
 * Only reads, counts and listens.
 */
import { errorMonitor } from "node:events";
import type { IncomingMessage, ServerResponse } from "node:http";
import type { Duplex } from "node:stream";
import { clientLeft, http2Stream, noteOwnEnd, truth } from "./response-class.js";
import { queuedOn } from "./watch-request.js";

const EVENTS = ["close", "error", "end", "aborted"] as const;

/**
 * What ended the connection: its client, Node or the limits of the server, or the application, which may do so after it
 * has ended.
 */
export type EndedBy = "client" | "server" | "application";

/** A response that goes out by the connection. */
interface Response {
  ends(by: EndedBy): void;
  /** The listeners of the connection are about to hear of its end. */
  tells(): void;
}

/** Each connection is watched once, however many responses go out by it. */
interface Watched extends Duplex {
  [WATCHED]?: Set<Response>;
}

/** Error codes for input that was no request, or that came too late. */
const OF_REQUESTS = /^(?:HPE|ERR_HTTP)_/;

const WATCHED = Symbol("diskcache.watched");

/**
 * Calls `ends` before any code can see that a connection has ended or is broken, and `tells` before any listener hears
 * it.
 * @returns stops that. Where it comes too late for a response of HTTP/2, `hasEnded` says so
 */
export function beforeItEnds(req: IncomingMessage, res: ServerResponse, response: Response): () => void {
  if (http2Stream(res) !== undefined) {
    noteOwnEnd(res);
    return () => {};
  }
  const responses = ((req.socket as Watched)[WATCHED] ??= watch(req.socket));
  responses.add(response);
  return () => void responses.delete(response);
}

/** Whether the connection is over, as far as it says so itself; and if so, whether its client ended it. */
export function hasEnded(req: IncomingMessage, res: ServerResponse): { readonly byClient: boolean } | undefined {
  const stream = http2Stream(res);
  const { socket } = req;
  const over =
    stream === undefined
      ? truth(socket, "destroyed") === true || (truth(socket, "readableEnded") === true && !allowsHalfOpen(socket))
      : truth(stream, "aborted") === true || truth(stream, "destroyed") === true;
  return over ? { byClient: clientLeft(res) } : undefined;
}

function watch(socket: Watched): Set<Response> {
  const responses = new Set<Response>();
  let timesOut = false;
  const tell = (by: EndedBy): void => {
    for (const response of responses) response.ends(by);
  };
  for (const name of [errorMonitor, "close"])
    socket.prependListener(name, () => {
      for (const response of responses) response.tells();
    });
  if (!allowsHalfOpen(socket)) socket.prependListener("end", () => tell("client"));
  // A listener for it ends the connection, or nothing does.
  socket.prependListener("timeout", () => {
    timesOut = true;
    queueMicrotask(() => (timesOut = false));
  });
  const { destroy } = socket;
  socket.destroy = (error) => {
    tell(timesOut ? "server" : endedBy(socket, error));
    return Reflect.apply(destroy, socket, [error]);
  };
  return responses;
}

interface Served extends Duplex {
  readonly server?: { readonly httpAllowHalfOpen?: boolean; readonly listening: boolean };
}

// Node ends the connection when its client has ended it, unless it was configured not to.
function allowsHalfOpen({ server }: Served): boolean {
  return server?.httpAllowHalfOpen === true;
}

// Node passes on the error that it received. It passes none where it ends a connection after its last response, and
// with the server.
function endedBy(socket: Served, error: NodeJS.ErrnoException | null | undefined): EndedBy {
  // The system reports what the other side has done; an application's own errors come from no system call.
  if (error?.syscall !== undefined) return "client";
  if (error?.code !== undefined && OF_REQUESTS.test(error.code)) return "server";
  if (truth(socket, "destroyed") === true) return "application";
  if (socket.readableEnded) return "client";
  return truth(socket, "writableEnded") === true || socket.server?.listening === false ? "server" : "application";
}

/** How many listeners wait for the end of the connection. */
export function watchers(req: IncomingMessage, res: ServerResponse): number {
  const connection = connectionOf(req, res);
  let count = queuedOn(req) + queuedOn(res);
  for (const name of EVENTS) count += connection.listenerCount(name);
  return count;
}

/** What has to be open for the response to reach its client. */
export function connectionOf({ socket }: IncomingMessage, res: ServerResponse): Duplex {
  // HTTP/2 has a stream for each request; its socket is a stand-in that may not be listened to.
  return (http2Stream(res) as unknown as Duplex | undefined) ?? socket;
}
