/** The four clients, as applications make them. */
import { GlideClient, ProtocolVersion } from "@valkey/valkey-glide";
import { Redis as Valkey } from "iovalkey";
import { Redis } from "ioredis";
import { createClient } from "redis";
import type { RedisClient } from "@diskcache/redis";

export interface ClientKind {
  readonly name: string;
  make(port: number): RedisClient;
}

const host = "127.0.0.1";

/** None is connected: the tier makes connections of its own. */
export const CLIENTS: readonly ClientKind[] = [
  { name: "redis, RESP2", make: (port) => createClient({ url: `redis://${host}:${port}`, RESP: 2 }) },
  { name: "redis, RESP3", make: (port) => createClient({ socket: { host, port }, RESP: 3 }) },
  { name: "ioredis, RESP2", make: (port) => new Redis({ host, port, protocol: 2, lazyConnect: true }) },
  { name: "ioredis, RESP3", make: (port) => new Redis({ host, port, protocol: 3, lazyConnect: true }) },
  { name: "iovalkey", make: (port) => new Valkey({ host, port, lazyConnect: true }) },
  ...(["RESP2", "RESP3"] as const).map((protocol) => ({
    name: `GLIDE, ${protocol}`,
    make: (port: number) => () =>
      GlideClient.createClient({
        addresses: [{ host, port }],
        protocol: protocol === "RESP2" ? ProtocolVersion.RESP2 : ProtocolVersion.RESP3,
        requestTimeout: 5_000,
      }),
  })),
];
