/** A running server with a cache in front, on a directory of its own, gone when the test is over. */
import { Agent, createServer } from "node:http";
import type { IncomingMessage, RequestListener, Server, ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { once } from "node:events";
import type { CacheEvents, Clock, DiskCacheOptions, OpenStore, PageCacheOptions } from "@diskcache/core";
import type { CacheHandle } from "@diskcache/http";
import { onTestFinished } from "vitest";
import { tally } from "../support/barrier.js";
import { ManualClock } from "../support/manual-clock.js";
import { temporaryDirectory } from "../support/temporary-directory.js";
import { beginVisit, visit } from "../support/visit.js";
import type { Answer, VisitOptions } from "../support/visit.js";
import { ANSWERED } from "./adapters.js";
import type { Adapter, Application, Handler } from "./adapters.js";

export interface SiteDescription extends Omit<Application, "handler"> {
  /** Default: a `ttl` of five minutes. */
  readonly options?: Partial<DiskCacheOptions>;
  /** In place of a directory. */
  readonly store?: OpenStore;
  /** Default: says how often it was called. */
  readonly handler?: Handler;
  /** Whether `cache.front()` stands before the framework. Default: no. */
  readonly front?: boolean;
}

export class Site {
  readonly dir: string;
  readonly #clock: Clock;
  readonly cache: CacheHandle;
  /** Requests that have come to the server. */
  readonly arrivals = tally();
  /** Connections that are closed. */
  readonly departures = tally();
  /** What went wrong behind the clients' backs. */
  readonly errors: CacheEvents["error"][] = [];
  readonly #server: Server;
  readonly #agent = new Agent({ keepAlive: true });
  readonly #renders: () => number;

  constructor(dir: string, clock: Clock, cache: CacheHandle, server: Server, renders: () => number) {
    this.dir = dir;
    this.#clock = clock;
    this.cache = cache;
    this.#server = server;
    this.#renders = renders;
    cache.on("error", (error) => this.errors.push(error));
    server.on("request", () => this.arrivals.add());
    server.on("connection", (socket) => socket.on("close", () => this.departures.add()));
  }

  /** The clock the site was given, or one that stands still. */
  get clock(): ManualClock {
    return this.#clock as ManualClock;
  }

  get origin(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** How often the handler was called. */
  get renders(): number {
    return this.#renders();
  }

  /** Until so many clients wait for a page that another one's request began. */
  async waiting(visitors: number): Promise<void> {
    while ((await this.cache.stats()).waiting < visitors) await new Promise(setImmediate);
  }

  /** Told of each request when it comes, before the application is. */
  onRequest(told: (req: IncomingMessage, res: ServerResponse) => unknown): void {
    this.#server.prependListener("request", told);
  }

  visit(target: string, options: VisitOptions = {}): Promise<Answer> {
    return visit(this.origin, target, { agent: this.#agent, ...options });
  }

  /** The head of an answer, its body still to be read; on a connection of its own. */
  begin(target: string, options: VisitOptions = {}): Promise<IncomingMessage> {
    return beginVisit(this.origin, target, options);
  }

  async close(): Promise<void> {
    this.#agent.destroy();
    this.#server.close();
    this.#server.closeAllConnections();
    await this.cache.close();
  }
}

const DEFAULT_OPTIONS: Partial<DiskCacheOptions> = { ttl: "5m" };

/** Nobody's patience is to end in the place of what a test waits for. */
const PATIENT = { timeout: "1m" } as const;

/** Opens a site of one framework. */
export async function openSite(adapter: Adapter, description: SiteDescription = {}): Promise<Site> {
  const { options = DEFAULT_OPTIONS, front = false, handler, store, ...rest } = description;
  const clock = options.clock ?? new ManualClock();
  const dir = options.dir ?? temporaryDirectory();
  const place = store === undefined ? { dir } : { store };
  const { cache, listen } = adapter.create({ flight: PATIENT, ...options, clock, ...place } as PageCacheOptions);
  let renders = 0;
  const counting: Handler = (asked) => {
    renders++;
    return handler === undefined
      ? { headers: { "Content-Type": "text/plain; charset=utf-8" }, body: `render ${renders}` }
      : handler(asked);
  };
  const listener = listen({ ...rest, handler: counting });
  return start(dir, clock, cache, front ? cache.front(listener) : listener, () => renders);
}

/** Opens a site whose handler writes to the ServerResponse itself: for the adapters that tap it. */
export async function openRawSite(
  adapter: Adapter,
  handler: (req: IncomingMessage, res: ServerResponse) => unknown,
  options: Partial<DiskCacheOptions> = DEFAULT_OPTIONS,
): Promise<Site> {
  return openSite(adapter, {
    options,
    handler: async ({ req, res }) => {
      await handler(req, res);
      return ANSWERED;
    },
  });
}

/** Serves a listener that somebody else made around a cache. */
export async function serveSite(
  cache: CacheHandle,
  clock: Clock,
  dir: string,
  listener: RequestListener,
): Promise<Site> {
  return start(dir, clock, cache, listener, () => 0);
}

async function start(
  dir: string,
  clock: Clock,
  cache: CacheHandle,
  listener: RequestListener,
  renders: () => number,
): Promise<Site> {
  // Clients come back on connections that a busy machine may have left idle for long.
  const server = createServer({ keepAliveTimeout: 0 }, listener).listen(0, "127.0.0.1");
  await once(server, "listening");
  const site = new Site(dir, clock, cache, server, renders);
  onTestFinished(() => site.close());
  return site;
}
