/** The four clients, as applications make them. */
import { GlideClient, ProtocolVersion } from "@valkey/valkey-glide";
import { Redis as Valkey } from "iovalkey";
import { Redis } from "ioredis";
import { createClient } from "redis";
import type { RedisClient } from "@diskcache/redis";

/** How a server is entered. */
export interface Entry {
  readonly username?: string;
  readonly password?: string;
  /** Who vouches for the server: then over TLS. */
  readonly ca?: string;
}

export interface ClientKind {
  readonly name: string;
  make(port: number, entry?: Entry): RedisClient;
}

const host = "127.0.0.1";

const ofRedis =
  (RESP: 2 | 3): ClientKind["make"] =>
  (port, { ca, ...user } = {}) =>
    createClient({ socket: ca === undefined ? { host, port } : { host, port, tls: true, ca }, ...user, RESP });

const plain = (port: number, { ca, ...user }: Entry = {}) =>
  ({ host, port, lazyConnect: true, ...user, ...(ca !== undefined && { tls: { ca } }) }) as const;

const ofIoredis =
  (protocol: 2 | 3): ClientKind["make"] =>
  (port, entry) =>
    new Redis({ ...plain(port, entry), protocol });

const ofGlide =
  (protocol: ProtocolVersion): ClientKind["make"] =>
  (port, { ca, username, password } = {}) =>
  () =>
    GlideClient.createClient({
      addresses: [{ host, port }],
      protocol,
      requestTimeout: 5_000,
      ...(password !== undefined && { credentials: { username: username!, password } }),
      ...(ca !== undefined && {
        useTLS: true,
        advancedConfiguration: { tlsAdvancedConfiguration: { rootCertificates: Buffer.from(ca) } },
      }),
    });

/** None is connected: the tier makes connections of its own. */
export const CLIENTS: readonly ClientKind[] = [
  { name: "redis, RESP2", make: ofRedis(2) },
  { name: "redis, RESP3", make: ofRedis(3) },
  { name: "ioredis, RESP2", make: ofIoredis(2) },
  { name: "ioredis, RESP3", make: ofIoredis(3) },
  { name: "iovalkey", make: (port, entry) => new Valkey(plain(port, entry)) },
  { name: "GLIDE, RESP2", make: ofGlide(ProtocolVersion.RESP2) },
  { name: "GLIDE, RESP3", make: ofGlide(ProtocolVersion.RESP3) },
];
