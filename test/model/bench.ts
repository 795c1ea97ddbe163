/** Servers that stay up while programs come and go: the bare framework, the cache in front of it, and a second instance on the same directory. Never knows what is right. */
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:http";
import type { IncomingMessage, RequestListener, Server, ServerResponse } from "node:http";
import type { AddressInfo, NetConnectOpts } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { CacheEvents } from "@diskcache/core";
import type { CacheHandle } from "@diskcache/http";
import { ManualClock } from "../support/manual-clock.js";
import { chosenLanguage } from "./content.js";
import type { Caches, Framework } from "./frameworks.js";
import { Gates } from "./gates.js";
import { runSteps } from "./handler.js";
import type { Program } from "./program.js";

export type Door = "bare" | "cached" | "second";

/** One program on the bench. */
export interface Mounted {
  readonly target: string;
  readonly gates: Gates;
  /** Calls of the handler through the cache. */
  renders: number;
  /** Whether a bare render will not go on by itself. */
  parked: boolean;
}

interface OpenServer {
  readonly server: Server;
  readonly tcp: NetConnectOpts;
}

export class Bench {
  readonly framework: Framework;
  readonly clock = new ManualClock();
  /** What the caches reported. */
  readonly errors: CacheEvents["error"][] = [];
  readonly #dir = mkdtempSync(join(tmpdir(), "diskcache-model-"));
  readonly cache: CacheHandle;
  readonly #second: CacheHandle | undefined;
  readonly #programs = new Map<string, Record<Door, RequestListener>>();
  readonly #servers = new Map<Door, Promise<OpenServer>>();
  readonly #unix = new Map<Door, Promise<OpenServer>>();
  #mounted = 0;

  /** @param pair whether a second instance shares the directory */
  constructor(framework: Framework, pair: boolean) {
    this.framework = framework;
    this.cache = this.#open();
    this.#second = pair ? this.#open() : undefined;
  }

  mount(program: Program): Mounted {
    const mounted: Mounted = { target: `/${++this.#mounted}`, gates: new Gates(), renders: 0, parked: false };
    const open = new Gates();
    open.openAll();
    const outer = this.cache;
    const second = this.#second;
    const listener = (caches: Caches, bare: boolean): RequestListener =>
      this.framework.listener(program, caches, (output) => {
        const language = chosenLanguage(output.req.headers["accept-language"]);
        const first = !bare && mounted.renders++ === 0;
        const parked = (): void => void (mounted.parked ||= bare);
        runSteps(program.handler, output, { gates: bare ? open : mounted.gates, first, language, parked });
      });
    this.#programs.set(mounted.target, {
      bare: listener({}, true),
      cached: listener({ outer, second }, false),
      second: listener({ outer: second }, false),
    });
    return mounted;
  }

  unmount({ target }: Mounted): void {
    this.#programs.delete(target);
  }

  async address(door: Door, unix: boolean): Promise<NetConnectOpts> {
    const servers = unix ? this.#unix : this.#servers;
    if (!servers.has(door)) servers.set(door, this.#listen(door, unix));
    return (await servers.get(door)!).tcp;
  }

  async close(): Promise<void> {
    const open = await Promise.all([...this.#servers.values(), ...this.#unix.values()]);
    for (const { server } of open) {
      server.close();
      server.closeAllConnections();
    }
    await Promise.all([this.cache.close(), this.#second?.close()]);
    rmSync(this.#dir, { recursive: true, force: true });
  }

  #open(): CacheHandle {
    const cache = this.framework.cache({ dir: join(this.#dir, "pages"), ttl: "5m", clock: this.clock, audit: "off" });
    cache.on("error", (error) => this.errors.push(error));
    return cache;
  }

  async #listen(door: Door, unix: boolean): Promise<OpenServer> {
    const server = createServer({ keepAliveTimeout: 0 }, (req: IncomingMessage, res: ServerResponse) => {
      const listeners = this.#programs.get(req.url!);
      if (listeners === undefined) res.destroy();
      else listeners[door](req, res);
    });
    const path = join(this.#dir, `${door}.sock`);
    if (unix) server.listen(path);
    else server.listen(0, "127.0.0.1");
    await once(server, "listening");
    return { server, tcp: unix ? { path } : { port: (server.address() as AddressInfo).port, host: "127.0.0.1" } };
  }
}
