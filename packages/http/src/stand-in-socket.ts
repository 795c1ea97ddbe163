/**
 * The socket of a request that came by no connection: takes everything at once, keeps the head, and has the methods and
 * properties that applications use on a socket.
 */
import { Socket } from "node:net";
import type { AnyServer } from "./server.js";

const LOOPBACK = { address: "127.0.0.1", family: "IPv4" } as const;
const MOST_HEAD_BYTES = 64 * 1024;

/** What is known of the answer. */
export interface OwnAnswer {
  /** `undefined` when the answer was broken off. */
  readonly status: number | undefined;
  /** The `Cache-Status` field, empty without one. */
  readonly cacheStatus: string;
}

/** @param encrypted whether clients come by TLS, so that applications expect its methods */
export function standInSocket(server: AnyServer, encrypted: boolean): StandInSocket {
  if (!encrypted) return new StandInSocket(server);
  addRemainingMethods();
  return new StandInTlsSocket(server);
}

export class StandInSocket extends Socket {
  readonly server: AnyServer;
  #head = "";
  #headEnded = false;
  /** Pieces are written one by one. */
  override _writev = undefined as never;

  constructor(server: AnyServer) {
    super();
    this.server = server;
    const own = server.address();
    const port = typeof own === "object" ? own?.port : undefined;
    // On an open connection these come from its handle.
    shadow(this, {
      pending: false,
      remoteAddress: LOOPBACK.address,
      remoteFamily: LOOPBACK.family,
      remotePort: 0,
      localAddress: LOOPBACK.address,
      localFamily: LOOPBACK.family,
      localPort: port,
    });
  }

  answer(finished: boolean): OwnAnswer {
    const status = /^HTTP\/1\.1 (\d{3})/.exec(this.#head)?.[1];
    return {
      status: finished && status !== undefined ? Number(status) : undefined,
      cacheStatus: /^cache-status: *(.*)$/im.exec(this.#head)?.[1]?.trim() ?? "",
    };
  }

  override _read(): void {}

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: () => void): void {
    if (!this.#headEnded) {
      this.#head += chunk.toString("latin1");
      const end = this.#head.indexOf("\r\n\r\n");
      this.#headEnded = end >= 0 || this.#head.length > MOST_HEAD_BYTES;
      if (end >= 0) this.#head = this.#head.slice(0, end);
    }
    done();
  }

  // No connection, so no idle timeout.
  override setTimeout(): this {
    return this;
  }

  override address(): { port: number; family: string; address: string } {
    return { ...LOOPBACK, port: this.localPort ?? 0 };
  }
}

/** The same with the methods of `tls.TLSSocket`, which answer as for a client that has sent no certificate. */
class StandInTlsSocket extends StandInSocket {
  readonly encrypted = true;
  readonly authorized = false;
  readonly authorizationError = undefined;
  readonly alpnProtocol = false;
  readonly servername = false;

  getProtocol(): string {
    return "TLSv1.3";
  }

  getCipher(): { name: string; standardName: string; version: string } {
    return { name: "TLS_AES_128_GCM_SHA256", standardName: "TLS_AES_128_GCM_SHA256", version: "TLSv1.3" };
  }

  getPeerCertificate(): object {
    return {};
  }

  getCertificate(): object {
    return {};
  }

  getEphemeralKeyInfo(): object {
    return {};
  }

  getSharedSigalgs(): readonly string[] {
    return [];
  }

  isSessionReused(): boolean {
    return false;
  }

  setMaxSendFragment(): boolean {
    return false;
  }

  renegotiate(_options: object, done?: (error: Error | null) => void): undefined {
    done?.(new Error("a request of the cache's own has no connection"));
  }
}

// The remaining methods, also those of a later Node, have no connection to describe. Where TLS is not used, its module is
// not loaded.
function addRemainingMethods(): void {
  const { TLSSocket } = process.getBuiltinModule("node:tls");
  for (const [name, { value }] of Object.entries(Object.getOwnPropertyDescriptors(TLSSocket.prototype)))
    if (typeof value === "function" && !(name in StandInTlsSocket.prototype))
      shadow(StandInTlsSocket.prototype, { [name]: () => undefined });
}

function shadow(target: object, values: Readonly<Record<string, unknown>>): void {
  for (const [name, value] of Object.entries(values))
    Object.defineProperty(target, name, { value, writable: true, configurable: true, enumerable: false });
}
