/** Redis on this machine, for whatever needs servers that are stopped, restarted and cut off. Nothing here ends by itself:
 * whoever starts something ends it. */
import { spawn, spawnSync } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { connect, createServer } from "node:net";
import type { AddressInfo, Server, Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";

/** The program, by the variable DISKCACHE_REDIS_SERVER or from the path. */
const PROGRAM = process.env["DISKCACHE_REDIS_SERVER"] ?? "redis-server";
const START_MS = 10_000;

/** The version of the server that is installed; `undefined` for none. */
export const redisVersion: string | undefined = /v=(\S+)/.exec(
  spawnSync(PROGRAM, ["--version"], { encoding: "utf8" }).stdout ?? "",
)?.[1];

// A run that has to have the server says so, and one without it is not taken for a whole one.
if (redisVersion === undefined) {
  if (process.env["DISKCACHE_REDIS_REQUIRED"] === "1") throw new Error(`no ${PROGRAM}: install Debian's redis-server`);
  process.stderr.write(`\nNo ${PROGRAM} is installed: the tests with a server are skipped.\n`);
}

export interface RedisServer {
  readonly port: number;
  readonly dir: string;
  /** Ends it at once, with all that it holds unless it is written to disk. */
  kill(): Promise<void>;
  start(): Promise<void>;
  suspend(): void;
  resume(): void;
}

/** A server that has not been started. */
export function preparedServer(...settings: string[]): Promise<OwnServer> {
  return prepared((port, dir) => [
    "--port",
    String(port),
    "--dir",
    dir,
    "--bind",
    "127.0.0.1",
    "--save",
    "",
    "--appendonly",
    "no",
    ...settings,
  ]);
}

/** One of Sentinel. */
export function preparedSentinel(...settings: string[]): Promise<OwnServer> {
  return prepared((port, dir) => {
    const file = join(dir, "sentinel.conf");
    writeFileSync(file, [`port ${port}`, `dir ${dir}`, "bind 127.0.0.1", ...settings, ""].join("\n"));
    return [file, "--sentinel"];
  });
}

export interface OwnServer extends RedisServer {
  readonly end: () => Promise<void>;
}

async function prepared(args: (port: number, dir: string) => readonly string[]): Promise<OwnServer> {
  const dir = mkdtempSync(join(tmpdir(), "diskcache-redis-"));
  const port = await freePort();
  let running: ChildProcess | undefined;
  const server: RedisServer = {
    port,
    dir,
    kill: async () => {
      const ending = running;
      running = undefined;
      if (ending === undefined || ending.exitCode !== null) return;
      ending.kill("SIGKILL");
      await once(ending, "exit");
    },
    start: async () => {
      running = spawn(PROGRAM, args(port, dir), { stdio: "ignore" });
      await accepts(port);
    },
    suspend: () => void running?.kill("SIGSTOP"),
    resume: () => void running?.kill("SIGCONT"),
  };
  const end = async (): Promise<void> => {
    server.resume();
    await server.kill();
    rmSync(dir, { recursive: true, force: true });
  };
  return { ...server, end };
}

/** A way to a server that can be cut: nothing gets through, or connections end. */
export interface Cable {
  readonly port: number;
  /** What is sent is swallowed, and connections stay. */
  blackHole(): void;
  /** Connections end, and new ones are refused. */
  cut(): void;
  mend(): void;
  /** From now on it leads to another server; connections end. */
  leadTo(port: number): void;
}

export async function openCable(to: number): Promise<Cable & { readonly end: () => void }> {
  let state: "open" | "black hole" | "cut" = "open";
  let target = to;
  const sockets = new Set<Socket>();
  const proxy: Server = createServer((from) => {
    if (state === "cut") return void from.destroy();
    const onward = connect(target, "127.0.0.1");
    const ends = [from, onward] as const;
    for (const [socket, other] of [ends, [onward, from]] as const) {
      sockets.add(socket);
      socket.on("error", () => undefined);
      socket.on("data", (piece) => state === "open" && other.write(piece));
      socket.on("close", () => {
        sockets.delete(socket);
        other.destroy();
      });
    }
  });
  proxy.listen(0, "127.0.0.1");
  await once(proxy, "listening");
  const disconnect = (): void => {
    for (const socket of sockets) socket.destroy();
  };
  return {
    port: (proxy.address() as AddressInfo).port,
    blackHole: () => void (state = "black hole"),
    cut: () => {
      state = "cut";
      disconnect();
    },
    mend: () => {
      // What was swallowed is missing on the connections that there are.
      if (state === "black hole") disconnect();
      state = "open";
    },
    leadTo: (port) => {
      target = port;
      disconnect();
    },
    end: () => {
      disconnect();
      proxy.close();
    },
  };
}

/** The highest port of a node of a cluster: its bus has one that is higher by 10,000. */
const HIGHEST_PORT = 55_000;

export async function freePort(): Promise<number> {
  for (;;) {
    const server = createServer().listen(0, "127.0.0.1");
    await once(server, "listening");
    const { port } = server.address() as AddressInfo;
    server.close();
    await once(server, "close");
    if (port <= HIGHEST_PORT) return port;
  }
}

/** Resolves when something accepts connections there. */
async function accepts(port: number): Promise<void> {
  for (const untilMs = performance.now() + START_MS; ;) {
    const socket = connect(port, "127.0.0.1");
    try {
      await once(socket, "connect");
      return;
    } catch (error) {
      if (performance.now() > untilMs) throw error;
      await pause(10);
    } finally {
      socket.destroy();
    }
  }
}

/** Resolves when it holds; looks again and again. */
export async function eventually(holds: () => boolean | Promise<boolean>, withinMs = 15_000): Promise<void> {
  for (const untilMs = performance.now() + withinMs; !(await holds());) {
    if (performance.now() > untilMs) throw new Error("it did not come to that in time");
    await pause(5);
  }
}
