/** What is measured with a tier runs on: a Redis of its own, machines that share pages over it, and clients of them that
 * cost little themselves. */
import { fork, spawn } from "node:child_process";
import { once } from "node:events";
import { connect } from "node:net";
import { setTimeout as pause } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { Redis } from "ioredis";

const SERVER = fileURLToPath(new URL("page-server.mjs", import.meta.url));
const LOOK_MS = 20;

export async function startRedis(port, dir) {
  const server = spawn("redis-server", ["--port", String(port), "--save", "", "--dir", dir], { stdio: "ignore" });
  const redis = new Redis({ port, retryStrategy: () => 50 });
  redis.on("error", () => undefined); // until the server listens
  await new Promise((resolve) => redis.once("ready", resolve));
  return {
    redis,
    kill: (signal) => server.kill(signal),
    used: async () => Number(/used_memory:(\d+)/.exec(await redis.info("memory"))[1]),
    stop() {
      redis.disconnect();
      server.kill("SIGKILL");
    },
  };
}

/** One process of a site; it answers when it has contact with the engine. */
export async function openServer(settings) {
  const child = fork(SERVER, [JSON.stringify(settings)]);
  const [{ port }] = await once(child, "message");
  /** What its handlers have rendered, and when they had ended: path to milliseconds of the system's steady clock. */
  const renders = new Map();
  child.on("message", ({ endMs, rendered }) => {
    if (rendered !== undefined) renders.set(rendered, [...(renders.get(rendered) ?? []), endMs]);
  });
  const stats = async () => {
    child.send("stats");
    for (;;) {
      const [answer] = await once(child, "message");
      if (answer.stats !== undefined) return answer.stats;
    }
  };
  return {
    pid: child.pid,
    port,
    renders,
    stats,
    /** Resolves when so many pages have been given to the engine. */
    async given(pages) {
      for (;;) {
        const { puts, skippedPuts } = (await stats()).tier.pages;
        if (skippedPuts > 0) throw new Error(`${skippedPuts} pages were not given`);
        if (puts >= pages) return;
        await pause(LOOK_MS);
      }
    },
    async close() {
      const exited = once(child, "exit");
      child.kill("SIGKILL");
      await exited;
    },
  };
}

/** A client with one connection, which asks for one page after the other. */
export async function openClient(port) {
  const socket = connect(port, "127.0.0.1").setNoDelay();
  await once(socket, "connect");
  let answered;
  let failed;
  socket.on("data", (chunk) => answered?.(chunk));
  socket.on("error", (error) => failed?.(error));
  socket.on("close", () => failed?.(new Error("the connection was closed")));
  const ask = (path) =>
    new Promise((resolve, reject) => {
      const sentMs = now();
      let firstMs = 0;
      let head = Buffer.alloc(0);
      let missing;
      failed = reject;
      answered = (chunk) => {
        if (firstMs === 0) firstMs = now() - sentMs;
        if (missing === undefined) {
          head = Buffer.concat([head, chunk]);
          const end = head.indexOf("\r\n\r\n");
          if (end < 0) return;
          missing = Number(/\r\ncontent-length: *(\d+)/i.exec(head.latin1Slice(0, end))[1]) + end + 4 - head.length;
        } else missing -= chunk.length;
        if (missing > 0) return;
        const endMs = now();
        resolve({ sentMs, firstMs, endMs, wholeMs: endMs - sentMs, hit: head.includes("diskcache; hit") });
      };
      // The same host everywhere, as behind one proxy: pages of different hosts are different pages.
      socket.write(`GET ${path} HTTP/1.1\r\nHost: www.example.com\r\n\r\n`);
    });
  return { ask, close: () => socket.destroy() };
}

/** Asks for pages on several connections until all have come. */
export async function askForAll(port, paths, atOnce = 16) {
  const clients = await Promise.all(Array.from({ length: atOnce }, () => openClient(port)));
  let next = 0;
  const work = async (client) => {
    while (next < paths.length) await client.ask(paths[next++]);
    client.close();
  };
  await Promise.all(clients.map(work));
}

/** Milliseconds of the steady clock that all processes of a machine have in common. */
export function now() {
  return Number(process.hrtime.bigint()) / 1e6;
}

export function quantile(values, share) {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))];
}
