/** The clients for Redis and Valkey, as this package needs them: a connection of its own that is given a command and
 * answers it, or fails. Nothing is queued while there is no connection, and nothing is sent again. */
import { optionError } from "@diskcache/core";

/** A word of a command. */
export type Word = string | number | Buffer;

export interface Connection {
  /** @param key the first key of the command: which node of a cluster has it */
  call(words: readonly Word[], key: string): Promise<unknown>;
  /** The same, with texts of the answer as the bytes that they are. */
  callForBytes(words: readonly Word[], key: string): Promise<unknown>;
  close(): void;
}

/** A client of redis, ioredis or iovalkey: its settings are taken over, and it is left alone. Or a function that makes
 * a connected client each time it is called, which is the only way with GLIDE: its clients cannot be duplicated. */
export type RedisClient = object | (() => object | Promise<object>);

export interface Connector {
  /** Whether a command without a key reaches the node that was written to. */
  readonly single: boolean;
  open(): Promise<Connection>;
}

type Text = string | Buffer;

/** The client is asked for as little as possible, and so may be of any version that has it. */
interface Client {
  readonly call?: (...words: Text[]) => Promise<unknown>;
  readonly callBuffer?: (...words: Text[]) => Promise<unknown>;
  readonly sendCommand?: (...args: unknown[]) => Promise<unknown>;
  readonly customCommand?: (words: Text[], options?: object) => Promise<unknown>;
  readonly duplicate?: (...overrides: unknown[]) => Client;
  readonly connect?: () => Promise<unknown>;
  readonly disconnect?: (() => unknown) | undefined;
  readonly destroy?: () => unknown;
  readonly close?: () => unknown;
  readonly on?: (event: "error", listener: () => void) => unknown;
  readonly options?: { readonly socket?: object };
  readonly isCluster?: boolean;
  /** Of redis: a cluster has slots, a client of Sentinel a node of it. */
  readonly slots?: unknown;
  readonly getSentinelNode?: unknown;
}

const EXPECTED = "a client of redis, ioredis or iovalkey, or a function that makes a client, as for GLIDE";
const CONNECT_MS = 2_000;
/** How redis and GLIDE are asked for bytes: the type of a bulk string (`$`), and the decoder of that name. */
const REDIS_BYTES = { typeMapping: { 36: Buffer } };
const GLIDE_BYTES = { decoder: 0 };

/** Settings of ioredis and iovalkey under which a command fails at once where it cannot be sent, and is sent once. */
const SENT_ONCE = {
  lazyConnect: true,
  enableOfflineQueue: false,
  maxRetriesPerRequest: 0,
  autoResendUnfulfilledCommands: false,
  connectTimeout: CONNECT_MS,
  retryStrategy: (): null => null,
};

/** @throws {DiskCacheError} `ERR_DISKCACHE_OPTION` for what is none of the clients */
export function connector(given: unknown): Connector {
  if (typeof given === "function") return madeEachTime(given as () => object | Promise<object>);
  if (typeof given !== "object" || given === null) throw optionError("redisTier.client", EXPECTED, given);
  const client = given as Client;
  if (typeof client.duplicate === "function" && typeof client.call === "function") return ofIoredis(client);
  if (typeof client.duplicate === "function" && typeof client.sendCommand === "function") return ofRedis(client);
  throw optionError("redisTier.client", EXPECTED, given);
}

function ofIoredis(client: Client): Connector {
  const cluster = client.isCluster === true;
  return {
    single: !cluster,
    open: async () => {
      const { lazyConnect, enableOfflineQueue, ...ofNodes } = SENT_ONCE;
      const own = cluster
        ? client.duplicate!([], {
            lazyConnect,
            enableOfflineQueue,
            clusterRetryStrategy: () => null,
            slotsRefreshTimeout: CONNECT_MS,
            redisOptions: ofNodes,
          })
        : client.duplicate!(SENT_ONCE);
      return connected(own);
    },
  };
}

function ofRedis(client: Client): Connector {
  const isCluster = client.slots !== undefined;
  const isSentinel = client.getSentinelNode !== undefined;
  return {
    single: !isCluster && !isSentinel,
    open: () => {
      const socket = { ...client.options?.socket, reconnectStrategy: false, connectTimeout: CONNECT_MS };
      const once = { disableOfflineQueue: true, socket };
      const overrides = isCluster ? { defaults: once } : isSentinel ? {} : once;
      return connected(client.duplicate!(overrides));
    },
  };
}

function madeEachTime(make: () => object | Promise<object>): Connector {
  return {
    single: true,
    open: async () => {
      const client = (await make()) as Client;
      if (typeof client !== "object" || client === null || speaker(client) === undefined)
        throw optionError("redisTier.client", EXPECTED, client);
      return { ...speaker(client)!, close: () => ended(client) };
    },
  };
}

async function connected(client: Client): Promise<Connection> {
  // Without a listener a fault of the connection would end the process; each command that it hits fails by itself.
  client.on?.("error", () => undefined);
  const connecting = Promise.resolve(client.connect?.());
  // The clients' own limit is over when a socket is there, which a server that says nothing has as well.
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`no connection within ${CONNECT_MS} ms`)), CONNECT_MS).unref();
  });
  try {
    await Promise.race([connecting, late]);
  } catch (error) {
    connecting.catch(() => undefined);
    ended(client);
    throw error;
  } finally {
    clearTimeout(timer);
  }
  return { ...speaker(client)!, close: () => ended(client) };
}

function speaker(client: Client): Pick<Connection, "call" | "callForBytes"> | undefined {
  const { call, callBuffer, customCommand, sendCommand, slots } = client;
  if (typeof call === "function" && typeof callBuffer === "function")
    return {
      call: (words) => call.apply(client, texts(words)),
      callForBytes: (words) => callBuffer.apply(client, texts(words)),
    };
  if (typeof customCommand === "function")
    return {
      call: (words) => customCommand.call(client, texts(words)),
      callForBytes: (words) => customCommand.call(client, texts(words), GLIDE_BYTES),
    };
  if (typeof sendCommand !== "function") return undefined;
  const sent = (words: readonly Word[], key: string, options: object | undefined): Promise<unknown> => {
    const more = options === undefined ? [] : [options];
    if (slots !== undefined) return sendCommand.call(client, key, false, texts(words), ...more);
    if (client.getSentinelNode !== undefined) return sendCommand.call(client, false, texts(words), ...more);
    return sendCommand.call(client, texts(words), ...more);
  };
  return {
    call: (words, key) => sent(words, key, undefined),
    callForBytes: (words, key) => sent(words, key, REDIS_BYTES),
  };
}

function texts(words: readonly Word[]): Text[] {
  return words.map((word) => (Buffer.isBuffer(word) ? word : String(word)));
}

// What the client calls it to end at once, whatever it waits for.
function ended(client: Client): void {
  const end = client.destroy ?? client.disconnect ?? client.close;
  try {
    const ending = end?.call(client);
    if (ending instanceof Promise) ending.catch(() => undefined);
  } catch {
    // It was closed already.
  }
}
