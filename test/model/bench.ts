/**
 * Servers that stay up while programs come and go: the bare framework, the cache in front of it, and a second
 * instance on the same directory. Never knows what is right.
 */
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:http";
import type { RequestListener, ServerResponse } from "node:http";
import { createServer as createHttp2Server } from "node:http2";
import type { AddressInfo, NetConnectOpts, Server, Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { CacheEvents } from "@diskcache/core";
import type { CacheHandle } from "@diskcache/http";
import { ManualClock } from "../support/manual-clock.js";
import { chosenLanguage } from "./content.js";
import { FailingDisk } from "./disk-faults.js";
import type { Caches, Framework } from "./frameworks.js";
import { Gates } from "./gates.js";
import { runSteps } from "./handler.js";
import type { Program, World } from "./program.js";
import { inProgram, outsideOfPrograms } from "./uncaught.js";

export type Door = "bare" | "cached" | "second";

/** Those who have had the beginning of a page that comes to no end are let go while the model still waits for them. */
const WAITS = { flight: { timeout: "2s" } } as const;

/** One program on the bench. */
export interface Mounted {
  readonly target: string;
  readonly gates: Gates;
  /** Calls of the handler through the cache. */
  renders: number;
  /** Called when a bare render will not go on by itself. */
  parked: () => void;
}

interface OpenServer {
  readonly to: NetConnectOpts;
  close(): void;
}

export class Bench {
  readonly framework: Framework;
  readonly clock = new ManualClock();
  /** What the caches reported. */
  readonly errors: CacheEvents["error"][] = [];
  readonly #dir = mkdtempSync(join(tmpdir(), "diskcache-model-"));
  /** Where a program may have the disk fail. */
  readonly disk: FailingDisk | undefined;
  readonly cache: CacheHandle;
  readonly #second: CacheHandle | undefined;
  readonly #programs = new Map<string, Record<Door, RequestListener>>();
  readonly #servers = new Map<string, Promise<OpenServer>>();
  #mounted = 0;

  /** @param pair whether a second instance shares the directory
   * @param failing whether the disk may fail: then pages are read from it */
  constructor(framework: Framework, { pair, failing }: { readonly pair: boolean; readonly failing: boolean }) {
    this.framework = framework;
    this.disk = failing ? new FailingDisk(this.#dir) : undefined;
    this.cache = this.#open();
    this.#second = pair ? this.#open() : undefined;
  }

  mount(program: Program): Mounted {
    const mounted: Mounted = { target: `/${++this.#mounted}`, gates: new Gates(), renders: 0, parked: () => {} };
    const open = new Gates();
    open.openAll();
    const outer = this.cache;
    const second = this.#second;
    const listener = (caches: Caches, bare: boolean): RequestListener =>
      this.framework.listener(program, caches, (output) => {
        const language = chosenLanguage(output.req.headers["accept-language"]);
        const first = !bare && mounted.renders++ === 0;
        const parked = (): void => void (bare && mounted.parked());
        runSteps(program.handler, output, { gates: bare ? open : mounted.gates, first, language, parked });
      });
    this.#programs.set(mounted.target, {
      bare: inProgram(listener({}, true)),
      cached: inProgram(listener({ outer, second }, false)),
      second: inProgram(listener({ outer: second }, false)),
    });
    return mounted;
  }

  unmount({ target }: Mounted): void {
    this.#programs.delete(target);
  }

  async address(door: Door, { unix, http2 }: World): Promise<NetConnectOpts> {
    const name = `${door}${unix ? "-unix" : ""}${http2 ? "-http2" : ""}`;
    if (!this.#servers.has(name))
      this.#servers.set(
        name,
        outsideOfPrograms(() => this.#listen(door, http2 === true, unix ? join(this.#dir, name) : undefined)),
      );
    return (await this.#servers.get(name)!).to;
  }

  async close(): Promise<void> {
    for (const server of await Promise.all(this.#servers.values())) server.close();
    await Promise.all([this.cache.close(), this.#second?.close()]);
    this.disk?.close();
    rmSync(this.#dir, { recursive: true, force: true });
  }

  #open(): CacheHandle {
    const cache = this.framework.cache({
      dir: join(this.#dir, "pages"),
      ttl: "5m",
      clock: this.clock,
      audit: "off",
      ...(this.disk && { memory: 0 }),
      ...WAITS,
    });
    cache.on("error", (error) => this.errors.push(error));
    return cache;
  }

  async #listen(door: Door, http2: boolean, path: string | undefined): Promise<OpenServer> {
    const listener: RequestListener = (req, res) => {
      const listeners = this.#programs.get(req.url!);
      if (listeners === undefined) res.destroy();
      else listeners[door](req, res);
    };
    // The compatibility API has the same shape, as far as handlers know.
    const server: Server = http2
      ? createHttp2Server((req, res) => listener(req as never, res as unknown as ServerResponse & { req: never }))
      : createServer({ keepAliveTimeout: 0 }, listener);
    const sockets = new Set<Socket>();
    server.on("connection", (socket: Socket) => {
      sockets.add(socket);
      socket.once("close", () => sockets.delete(socket));
    });
    if (path === undefined) server.listen(0, "127.0.0.1");
    else server.listen(path);
    await once(server, "listening");
    const to = path === undefined ? { port: (server.address() as AddressInfo).port, host: "127.0.0.1" } : { path };
    const close = (): void => {
      server.close();
      for (const socket of sockets) socket.destroy();
    };
    return { to, close };
  }
}
