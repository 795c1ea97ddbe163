/** Mutated bytes to a server with the cache in front: it stays up, and what is answered is the page of the request as
 * the server understood it. */
import { once } from "node:events";
import { createServer } from "node:http";
import type { IncomingMessage } from "node:http";
import { connect } from "node:net";
import type { AddressInfo } from "node:net";
import { diskCache } from "@diskcache/http";
import type { FuzzResult } from "./files.js";
import { MemoryWatch } from "./memory.js";
import type { Random } from "./random.js";

const REQUESTS = [
  "GET /a HTTP/1.1\r\nHost: a.example\r\nConnection: close\r\n\r\n",
  "GET /a?b=1 HTTP/1.1\r\nHost: a.example\r\nAccept-Encoding: gzip\r\nCookie: sid=1\r\nConnection: close\r\n\r\n",
  "GET /a HTTP/1.1\r\nHost: a.example\r\nRange: bytes=0-3\r\nConnection: close\r\n\r\n",
  "HEAD /a HTTP/1.1\r\nHost: a.example\r\nConnection: close\r\n\r\n",
  "POST /a HTTP/1.1\r\nHost: a.example\r\nContent-Length: 5\r\nConnection: close\r\n\r\nhello",
  "GET http://a.example/a HTTP/1.1\r\nHost: b.example\r\nX-Forwarded-Host: evil.example\r\nConnection: close\r\n\r\n",
  "GET /a HTTP/1.1\r\nHost: a.example\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
  "GET /a HTTP/1.0\r\n\r\n",
  "GET /a HTTP/1.1\r\nHost: a.example\r\n\r\nGET /b HTTP/1.1\r\nHost: a.example\r\nConnection: close\r\n\r\n",
];

export async function fuzzSockets(dir: string, runs: number, random: Random): Promise<FuzzResult> {
  const cache = diskCache({ dir, ttl: "1h", maxEntries: 500, memory: "2mb" });
  const wrong: string[] = [];
  cache.on("error", (error) => wrong.push(String(error)));
  const expected = new Map<number, string[]>();
  const inner = cache((req, res) => void res.end(pageFor(req)));
  const server = createServer((req, res) => {
    expected.get(req.socket.remotePort!)?.push(pageFor(req));
    inner(req, res);
  });
  // A request that was not understood; what it was is of no interest.
  server.on("clientError", (_, socket) => socket.destroy());
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  const memory = new MemoryWatch();
  let hits = 0;
  for (let run = 0; run < runs; run++) {
    const [one, other] = [random.pick(REQUESTS), random.pick(REQUESTS)].map((text) => Buffer.from(text, "latin1"));
    const bytes = random.chance(0.3) ? one! : random.mutated(one!, other!);
    const answered = await exchange(port, bytes, expected);
    if (/\r\nCache-Status: diskcache; hit/.test(answered.text)) hits++;
    for (const page of pagesIn(answered.text))
      if (!answered.pages.includes(page)) wrong.push(`run ${run}: ${page} for ${answered.pages.join(" ")}`);
    memory.look(run, runs);
  }
  server.close();
  server.closeAllConnections();
  await cache.close();
  return { seed: random.seed, runs, hits, misses: runs - hits, wrong, grownMib: memory.grownMib };
}

function pageFor(req: IncomingMessage): string {
  const { host, cookie, authorization } = req.headers;
  const forwarded = [req.headers["x-forwarded-host"], req.headers["x-forwarded-proto"]];
  const method = req.method === "HEAD" ? "GET" : req.method;
  return `<page ${Buffer.from(JSON.stringify([method, req.url, host?.toLowerCase(), cookie, authorization, ...forwarded])).toString("base64url")}>`;
}

// Whole pages only: of a range there is a piece, and of a HEAD nothing.
function pagesIn(text: string): string[] {
  return text.match(/<page [\w-]+>/g) ?? [];
}

// Ends when the server closes; where a mutation made it wait for more, it is told that there is none.
async function exchange(
  port: number,
  bytes: Buffer,
  expected: Map<number, string[]>,
): Promise<{ readonly text: string; readonly pages: readonly string[] }> {
  const socket = connect({ port, host: "127.0.0.1" });
  await once(socket, "connect");
  const { localPort } = socket;
  const pages: string[] = [];
  expected.set(localPort!, pages);
  const chunks: Buffer[] = [];
  socket.on("data", (chunk: Buffer) => chunks.push(chunk));
  socket.on("error", () => undefined);
  const closed = new Promise<void>((resolve) => socket.once("close", () => resolve()));
  socket.end(bytes);
  await closed;
  expected.delete(localPort!);
  return { text: Buffer.concat(chunks).toString("latin1"), pages };
}
