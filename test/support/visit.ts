/** A client with nothing of a browser but a socket: every byte and every field line as it came. */
import { request } from "node:http";
import type { Agent, IncomingMessage, OutgoingHttpHeaders, RequestOptions } from "node:http";
import { connect } from "node:net";
import { buffer, text } from "node:stream/consumers";

export interface VisitOptions {
  readonly method?: string;
  readonly headers?: OutgoingHttpHeaders | readonly string[];
  readonly body?: string | Buffer;
  readonly agent?: Agent;
}

/** What came back. */
export class Answer {
  readonly status: number;
  readonly statusText: string;
  /** Name and value of every field line, in order. */
  readonly fields: readonly (readonly [name: string, value: string])[];
  readonly trailers: NodeJS.Dict<string>;
  readonly body: Buffer;

  constructor(message: IncomingMessage, body: Buffer) {
    this.status = message.statusCode!;
    this.statusText = message.statusMessage!;
    const { rawHeaders } = message;
    this.fields = Array.from({ length: rawHeaders.length / 2 }, (_, n) => [rawHeaders[2 * n]!, rawHeaders[2 * n + 1]!]);
    this.trailers = message.trailers;
    this.body = body;
  }

  get text(): string {
    return this.body.toString();
  }

  /** The values of every line of a field. */
  lines(name: string): string[] {
    return this.fields.filter(([given]) => given.toLowerCase() === name.toLowerCase()).map(([, value]) => value);
  }

  header(name: string): string | undefined {
    const lines = this.lines(name);
    return lines.length === 0 ? undefined : lines.join(", ");
  }

  get cacheStatus(): string {
    return this.header("cache-status") ?? "";
  }

  /** The same, where it does not matter whether the body was known in whole when the head left. */
  get keptStatus(): string {
    return this.cacheStatus.replaceAll("; storing", "; stored");
  }

  get isHit(): boolean {
    return /^diskcache; hit\b/.test(this.cacheStatus);
  }

  get isStored(): boolean {
    // Of a body whose end is not known when the head leaves, no more can be said.
    return /; (?:stored|storing)\b/.test(this.cacheStatus);
  }
}

/** A whole answer. Rejects when the connection breaks before it is complete. */
export async function visit(origin: string, target: string, options: VisitOptions = {}): Promise<Answer> {
  const message = await beginVisit(origin, target, options);
  return new Answer(message, await buffer(message));
}

/** The head of an answer, its body still to be read. */
export function beginVisit(origin: string, target: string, options: VisitOptions = {}): Promise<IncomingMessage> {
  const { method = "GET", headers, body, agent } = options;
  const { hostname, port } = new URL(origin);
  return new Promise((resolve, reject) => {
    // The path apart from the origin, because a URL would be tidied up.
    const given = { hostname, port, path: target, method, ...(headers && { headers }), ...(agent && { agent }) };
    request(given as RequestOptions, resolve)
      .on("error", reject)
      .end(body);
  });
}

/** Sends these bytes and takes what comes until the connection closes. */
export async function exchangeBytes(origin: string, bytes: string): Promise<string> {
  const { hostname, port } = new URL(origin);
  const socket = connect(Number(port), hostname);
  socket.setEncoding("latin1");
  socket.write(bytes, "latin1");
  return text(socket);
}
