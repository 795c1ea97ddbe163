/** A running HTTP/2 server, cleartext or TLS, and clients of it that speak HTTP/2 or HTTP/1.1. */
import { once } from "node:events";
import type { RequestListener } from "node:http";
import { connect, createSecureServer, createServer } from "node:http2";
import type { ClientHttp2Session, ClientHttp2Stream, Http2Server, OutgoingHttpHeaders } from "node:http2";
import { request as requestByTls } from "node:https";
import type { AddressInfo } from "node:net";
import { buffer } from "node:stream/consumers";
import { onTestFinished } from "vitest";
import { CERTIFICATE, KEY } from "./self-signed.js";
import { Answer } from "./visit.js";

/** `"secure"` takes HTTP/1.1 as well. */
export type Http2Kind = "cleartext" | "secure";

export interface Http2Visit {
  readonly method?: string;
  readonly headers?: OutgoingHttpHeaders;
  readonly body?: string;
}

export class Http2Site {
  readonly server: Http2Server;
  readonly secure: boolean;
  readonly #session: ClientHttp2Session;

  constructor(server: Http2Server, secure: boolean) {
    this.server = server;
    this.secure = secure;
    this.#session = this.connect();
  }

  /** Another client. */
  connect(): ClientHttp2Session {
    const session = connect(this.origin, { rejectUnauthorized: false });
    onTestFinished(() => session.destroy());
    return session;
  }

  get host(): string {
    return `localhost:${(this.server.address() as AddressInfo).port}`;
  }

  get origin(): string {
    return `${this.secure ? "https" : "http"}://${this.host}`;
  }

  /** A whole answer over HTTP/2. Rejects when the stream is reset before it is complete. */
  async visit(target: string, options: Http2Visit = {}): Promise<Answer> {
    return answerOf(this.begin(target, options));
  }

  /** A request over HTTP/2, its answer still to come. */
  begin(target: string, options: Http2Visit = {}, session = this.#session): ClientHttp2Stream {
    const { method = "GET", headers = {}, body } = options;
    const head = { ":path": target, ":method": method, ...headers };
    const stream = session.request(head, { endStream: body === undefined });
    if (body !== undefined) stream.end(body);
    return stream;
  }

  /** The same server asked over HTTP/1.1, where it takes that. */
  async visitByHttp1(target: string): Promise<Answer> {
    const { port } = this.server.address() as AddressInfo;
    const given = { port, path: target, headers: { host: this.host }, rejectUnauthorized: false, agent: false };
    const [message] = await once(requestByTls({ host: "localhost", ...given }).end(), "response");
    return new Answer(message, await buffer(message));
  }
}

/** A whole answer. */
export async function answerOf(stream: ClientHttp2Stream): Promise<Answer> {
  const [headers, , raw] = (await once(stream, "response")) as [Record<string, unknown>, number, string[]];
  const body = await buffer(stream);
  if (stream.rstCode !== 0) throw new Error(`reset with code ${stream.rstCode}`);
  const fields: string[] = [];
  for (let index = 0; index < raw.length; index += 2)
    if (!raw[index]!.startsWith(":")) fields.push(raw[index]!, raw[index + 1]!);
  const message = { statusCode: headers[":status"], statusMessage: "", rawHeaders: fields, trailers: {} };
  return new Answer(message as never, body);
}

export async function openHttp2(kind: Http2Kind, listener: RequestListener): Promise<Http2Site> {
  const secure = kind === "secure";
  const server = secure
    ? createSecureServer({ key: KEY, cert: CERTIFICATE, allowHTTP1: true }, listener as never)
    : createServer(listener as never);
  server.listen(0, "localhost");
  await once(server, "listening");
  onTestFinished(() => void server.close());
  return new Http2Site(server, secure);
}
