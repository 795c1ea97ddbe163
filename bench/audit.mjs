/** What the audit costs: processor time of a hit and of a miss, with and without it, rounds interleaved in one process. `node audit.mjs [rounds]` */
import { mkdtempSync, rmSync } from "node:fs";
import { Agent, createServer, get } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { diskCache } from "@diskcache/http";

const ROUNDS = Number(process.argv[2] ?? 15);
const REQUESTS = 1000;
const agent = new Agent({ keepAlive: true, maxSockets: 1 });

const sites = [];
for (const audit of ["off", "enforce"]) sites.push(await open(audit));
for (const site of sites) await round(site, "miss");
for (let n = 0; n < ROUNDS; n++) {
  for (const site of n % 2 === 0 ? sites : sites.toReversed()) {
    for (const kind of ["hit", "miss"]) {
      site.micros[kind].push(await round(site, kind));
      // What is written behind the misses must not be counted with the next round.
      while ((await site.cache.stats()).pendingWrites > 0) await new Promise(setImmediate);
    }
  }
}
const [off, enforce] = sites.map(({ micros }) => ({ hit: median(micros.hit), miss: median(micros.miss) }));
for (const kind of ["hit", "miss"]) {
  const ratio = (enforce[kind] / off[kind]).toFixed(2);
  console.log(`${kind}: ${off[kind].toFixed(1)} µs without, ${enforce[kind].toFixed(1)} µs with the audit (${ratio})`);
}
for (const { server, cache, dir } of sites) {
  server.close();
  await cache.close();
  rmSync(dir, { recursive: true, force: true });
}
agent.destroy();

async function open(audit) {
  const dir = mkdtempSync(join(tmpdir(), "diskcache-audit-"));
  const cache = diskCache({ dir, ttl: "5m", audit });
  const handler = (req, res) => {
    res.setHeader("Vary", "Accept-Language");
    res.end(`<html>${req.headers["accept-language"]} ${req.headers.host}</html>`);
  };
  const server = createServer(cache(handler)).listen(0, "127.0.0.1");
  await new Promise((resolve) => server.once("listening", resolve));
  return { dir, cache, server, port: server.address().port, asked: 0, micros: { hit: [], miss: [] } };
}

/** Microseconds of processor time a request, the client's share included: it is the same for both. */
async function round(site, kind) {
  const before = process.cpuUsage();
  for (let n = 0; n < REQUESTS; n++) await ask(site.port, kind === "hit" ? "/" : `/${site.asked++}`);
  const { user, system } = process.cpuUsage(before);
  return (user + system) / REQUESTS;
}

function ask(port, path) {
  return new Promise((resolve, reject) => {
    get({ port, path, agent, host: "127.0.0.1", headers: { "accept-language": "en" } }, (res) =>
      res.resume().once("end", resolve),
    ).once("error", reject);
  });
}

function median(values) {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)];
}
