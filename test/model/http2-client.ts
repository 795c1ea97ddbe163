/**
 * A client with a script over HTTP/2 without TLS. It has a connection of its own, as if it were the only one; never
 * pipelines, because streams make that needless.
 */
import { performance } from "node:perf_hooks";
import { connect } from "node:http2";
import type { ClientHttp2Stream } from "node:http2";
import { connect as connectSocket } from "node:net";
import type { NetConnectOpts } from "node:net";
import { HOST, requestFields } from "./client.js";
import type { Asked, Client, End, Manners, Received } from "./client.js";
import type { Field } from "./program.js";

export class Http2Client implements Client {
  received: readonly Received[] = [];
  readonly #session;
  readonly #streams: { readonly stream: ClientHttp2Stream; head?: Received; body: Buffer[]; end?: End; at?: number }[];
  readonly #manners: Manners;
  #progress = 0;
  #settled = false;
  #settle!: () => void;
  readonly #done = new Promise<void>((resolve) => (this.#settle = resolve));

  constructor(to: NetConnectOpts, asked: Asked, manners: Manners = {}) {
    this.#manners = manners;
    this.#session = connect(`http://${HOST}`, { createConnection: () => connectSocket(to) });
    this.#session.on("error", () => {});
    this.#streams = Array.from({ length: asked.twice ? 2 : 1 }, () => ({ stream: this.#request(asked), body: [] }));
    for (const one of this.#streams) {
      const { stream } = one;
      stream.on("response", (_: unknown, __: unknown, raw: readonly string[]) => {
        one.head = headOf(raw);
        this.#moved(0);
      });
      stream.on("data", (bytes: Buffer) => {
        one.body.push(bytes);
        this.#moved(bytes.length);
      });
      stream.on("end", () => {
        one.end ??= stream.rstCode === 0 ? "complete" : "broken";
        one.at = performance.now();
      });
      stream.on("error", () => (one.end = "broken"));
      stream.on("close", () => {
        if (stream.rstCode !== 0) one.end = "broken";
        if (this.#streams.every(({ stream: each }) => each.closed)) this.#over("broken");
      });
      if (manners.slow) stream.pause();
    }
  }

  get settled(): boolean {
    return this.#settled;
  }

  get begun(): boolean {
    return this.#streams.some(({ head }) => head !== undefined);
  }

  get progress(): number {
    return this.#progress;
  }

  done(): Promise<void> {
    return this.#done;
  }

  read(): void {
    for (const { stream } of this.#streams) stream.resume();
  }

  leave(): void {
    this.#over("left");
  }

  stop(): void {
    this.#over("none");
  }

  #request(asked: Asked): ClientHttp2Stream {
    const fields = requestFields(asked).filter(([name]) => name !== "Host");
    return this.#session.request({
      ":method": asked.method ?? "GET",
      ":path": asked.target,
      ...Object.fromEntries(fields.map(([name, value]) => [name.toLowerCase(), value])),
    });
  }

  #moved(bytes: number): void {
    this.#progress += bytes + 1;
    const { leaves } = this.#manners;
    const got = this.#streams[0]!.body.reduce((sum, piece) => sum + piece.length, 0);
    if (typeof leaves === "number" && got >= leaves) this.leave();
  }

  #over(otherwise: End): void {
    if (this.#settled) return;
    this.#settled = true;
    const now = performance.now();
    this.received = this.#streams.map(({ head, body, end = otherwise, at = now }) => {
      return { ...(head ?? NO_HEAD), body: Buffer.concat(body), end, at };
    });
    this.#session.destroy();
    this.#settle();
  }
}

const NO_HEAD = { status: 0, reason: "", fields: [], unframed: false } as const;

function headOf(raw: readonly string[]): Received {
  const fields: Field[] = [];
  for (let index = 0; index < raw.length; index += 2) fields.push([raw[index]!, raw[index + 1]!]);
  const status = Number(fields.find(([name]) => name === ":status")?.[1]);
  const others = fields.filter(([name]) => !name.startsWith(":"));
  return { status, reason: "", fields: others, body: Buffer.alloc(0), unframed: false, end: "none", at: 0 };
}
