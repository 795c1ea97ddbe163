/** What the chaos breaks: an engine of two servers, one of them the copy of the other, and machines with their processes,
 * each machine on a way of its own to the engine. */
import { fork } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { closeSync, mkdirSync, mkdtempSync, openSync, rmSync, writeSync } from "node:fs";
import { Agent, request } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { Redis } from "ioredis";
import type { CutOff } from "@diskcache/core";
import { openCable, preparedServer } from "../redis/processes.js";
import type { Cable } from "../redis/processes.js";
import { VERSION_BYTES } from "./chaos-worker.js";
import type { WorkerOrder } from "./chaos-worker.js";

const RUNNER = fileURLToPath(new URL("../support/run-module.mjs", import.meta.url));
const PATIENCE_MS = 10_000;

type Server = Awaited<ReturnType<typeof preparedServer>>;
type OwnCable = Awaited<ReturnType<typeof openCable>>;

export class Engine {
  #master: Server;
  #copy: Server;
  /** From the copy to the master. */
  readonly #link: OwnCable;

  private constructor(master: Server, copy: Server, link: OwnCable) {
    this.#master = master;
    this.#copy = copy;
    this.#link = link;
  }

  static async start(): Promise<Engine> {
    const settings = ["--repl-diskless-sync-delay", "0"];
    const [master, copy] = await Promise.all([preparedServer(...settings), preparedServer(...settings)]);
    await Promise.all([master.start(), copy.start()]);
    const engine = new Engine(master, copy, await openCable(master.port));
    await engine.#follow();
    return engine;
  }

  get port(): number {
    return this.#master.port;
  }

  suspend(): void {
    this.#master.suspend();
  }

  resume(): void {
    this.#master.resume();
  }

  kill(): Promise<void> {
    return this.#master.kill();
  }

  start(): Promise<void> {
    return this.#master.start();
  }

  async flush(): Promise<void> {
    await told(this.port, ["FLUSHALL"]);
  }

  /** The copy takes the place of the master, without what was written while the link was cut. */
  async failOver(cutForMs: number, ways: readonly Cable[]): Promise<void> {
    this.#link.blackHole();
    await pause(cutForMs);
    await this.#master.kill();
    await told(this.#copy.port, ["REPLICAOF", "NO", "ONE"]);
    [this.#master, this.#copy] = [this.#copy, this.#master];
    for (const way of ways) way.leadTo(this.#master.port);
    this.#link.mend();
    this.#link.leadTo(this.#master.port);
    await this.#copy.start();
    await this.#follow();
  }

  async end(): Promise<void> {
    this.#link.end();
    await Promise.all([this.#master.end(), this.#copy.end()]);
  }

  async #follow(): Promise<void> {
    await told(this.#copy.port, ["REPLICAOF", "127.0.0.1", String(this.#link.port)]);
  }
}

async function told(port: number, [command, ...args]: readonly [string, ...string[]]): Promise<void> {
  const redis = new Redis({ port, retryStrategy: () => null, commandTimeout: PATIENCE_MS });
  redis.on("error", () => undefined);
  try {
    await redis.call(command, ...args);
  } finally {
    redis.disconnect();
  }
}

export interface Answer {
  readonly status: number;
  readonly text: string;
  readonly isHit: boolean;
}

/** A process of a machine, and the ones that take its place when it is killed. */
export class Worker {
  readonly #order: WorkerOrder;
  readonly #agent = new Agent({ keepAlive: true });
  #child: ChildProcess | undefined = undefined;
  #port: number | undefined = undefined;

  constructor(order: WorkerOrder) {
    this.#order = order;
  }

  /** Whether it can be asked; it may be stopped all the same. */
  get serves(): boolean {
    return this.#port !== undefined;
  }

  async start(): Promise<void> {
    const child = fork(RUNNER, ["/test/tier/chaos-worker.ts", JSON.stringify(this.#order)]);
    this.#child = child;
    const [port] = (await Promise.race([
      once(child, "message"),
      once(child, "exit").then(() => Promise.reject(new Error("a process of a machine did not start"))),
    ])) as [number];
    this.#port = port;
  }

  async kill(): Promise<void> {
    this.#port = undefined;
    await ended(this.#child, (child) => child.kill("SIGKILL"));
  }

  /** It closes its cache. */
  async close(): Promise<void> {
    this.#port = undefined;
    const child = this.#child;
    const late = setTimeout(() => child?.kill("SIGKILL"), PATIENCE_MS);
    await ended(child, (it) => it.send("close"));
    clearTimeout(late);
  }

  suspend(): void {
    this.#child?.kill("SIGSTOP");
  }

  resume(): void {
    this.#child?.kill("SIGCONT");
  }

  /** Rejects when there is no answer. */
  ask(method: string, path: string): Promise<Answer> {
    return new Promise((resolve, reject) => {
      const { port } = this.#portOf();
      const headers = { host: "shop.test" };
      const asking = request({ port, path, method, headers, agent: this.#agent, timeout: PATIENCE_MS }, (res) => {
        let text = "";
        res.setEncoding("utf8").on("data", (piece: string) => (text += piece));
        res.on("error", reject);
        res.on("end", () =>
          resolve({
            status: res.statusCode ?? 0,
            text,
            isHit: String(res.headers["cache-status"]).includes("; hit"),
          }),
        );
      });
      asking.on("timeout", () => asking.destroy(new Error("no answer")));
      asking.on("error", reject).end();
    });
  }

  #portOf(): { readonly port: number } {
    if (this.#port === undefined) throw new Error("the process is away");
    return { port: this.#port };
  }
}

async function ended(child: ChildProcess | undefined, end: (child: ChildProcess) => unknown): Promise<void> {
  if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
  const gone = once(child, "exit");
  end(child);
  await gone;
}

export interface Machine {
  readonly way: OwnCable;
  readonly workers: readonly Worker[];
}

interface Standing {
  readonly state: string;
  readonly unpublished: number;
  readonly behind: number;
  /** `null` when there was none. */
  readonly contactAgeMs: number | null;
}

export interface SceneOptions {
  readonly machines: number;
  readonly processes: number;
  readonly tags: number;
  readonly leaseMs: number;
  readonly timeoutMs: number;
  readonly whenCutOff: CutOff;
}

export class Scene {
  readonly engine: Engine;
  readonly machines: readonly Machine[];
  readonly #dir: string;
  readonly #truth: number;

  private constructor(dir: string, truth: number, engine: Engine, machines: readonly Machine[]) {
    this.#dir = dir;
    this.#truth = truth;
    this.engine = engine;
    this.machines = machines;
  }

  static async start(options: SceneOptions): Promise<Scene> {
    const { leaseMs, machines, processes, tags, timeoutMs, whenCutOff } = options;
    const dir = mkdtempSync(join(tmpdir(), "diskcache-chaos-"));
    const truth = join(dir, "truth");
    const file = openSync(truth, "w");
    writeSync(file, Buffer.alloc(tags * VERSION_BYTES));
    const engine = await Engine.start();
    const made: Machine[] = [];
    for (let index = 0; index < machines; index++) {
      const way = await openCable(engine.port);
      const pages = join(dir, `machine-${index}`);
      mkdirSync(pages);
      const client = index % 2 === 0 ? "ioredis" : "redis";
      const order = { dir: pages, port: way.port, client, truth, leaseMs, timeoutMs, whenCutOff } as const;
      made.push({ way, workers: Array.from({ length: processes }, () => new Worker(order)) });
    }
    const scene = new Scene(dir, file, engine, made);
    try {
      await Promise.all(scene.workers.map((worker) => worker.start()));
    } catch (error) {
      await scene.end();
      throw error;
    }
    return scene;
  }

  get workers(): readonly Worker[] {
    return this.machines.flatMap(({ workers }) => workers);
  }

  /** Resolves when every process has said that nothing was missing, with a contact from now on, and that nothing of its
   * own was under way; or when it is over. */
  async inTouch(over: () => boolean): Promise<void> {
    const sinceMs = performance.now();
    const isInTouch = async (worker: Worker): Promise<boolean> => {
      const { behind, contactAgeMs, state, unpublished } = JSON.parse(
        (await worker.ask("GET", "/stats")).text,
      ) as Standing;
      const isNew = (contactAgeMs ?? Infinity) < performance.now() - sinceMs;
      return isNew && state === "joined" && unpublished === 0 && behind === 0;
    };
    const becomes = async (worker: Worker): Promise<void> => {
      while (!over() && !(await isInTouch(worker).catch(() => false))) await pause(20);
    };
    await Promise.all(this.workers.map((worker) => becomes(worker)));
  }

  /** From now on, pages of the tag are rendered with this version. */
  set(tag: number, version: number): void {
    const bytes = Buffer.alloc(VERSION_BYTES);
    bytes.writeUInt32LE(version);
    writeSync(this.#truth, bytes, 0, VERSION_BYTES, tag * VERSION_BYTES);
  }

  async end(): Promise<void> {
    await Promise.all(this.workers.map((worker) => worker.kill()));
    for (const { way } of this.machines) way.end();
    await this.engine.end();
    closeSync(this.#truth);
    rmSync(this.#dir, { recursive: true, force: true });
  }
}
