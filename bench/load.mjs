/** Sends load to one server for a while, from the other core, and tells what it cost. */
import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { CLIENT_CORE, has, pinned } from "./machine.mjs";
import { cpuMicros, residentBytes, untilIdle } from "./process-cost.mjs";

const run = promisify(execFile);
const withWrk = has("wrk", "--version");
const CONNECTIONS = 64;
/** Of 10,000 pages each is asked for several times. */
const WARM_REQUESTS = 60_000;
const MOST_WARM_UPS = 6;
const fileOf = (name) => fileURLToPath(new URL(name, import.meta.url));

/**
 * @param server from `servers.mjs`, asked for what it `accepts`
 * @param {string[]} paths `["one"]`, `["random", count]` or `["unique", prefix]`
 * @returns requests a second, latencies, and per request the microseconds of CPU of the server and of its helpers
 */
export async function load(server, paths, seconds, connections = CONNECTIONS) {
  const callsBefore = await server.calls();
  const before = server.pids.map(cpuMicros);
  const { requests, seconds: took, ...rest } = await generate(server, paths, seconds, connections);
  const [own, ...helpers] = server.pids.map((pid, index) => (cpuMicros(pid) - before[index]) / requests);
  return {
    requests,
    perSecond: requests / took,
    cpuMicros: own,
    helpersCpuMicros: helpers.reduce((sum, micros) => sum + micros, 0),
    calls: (await server.calls()) - callsBefore,
    residentMiB: server.pids.reduce((sum, pid) => sum + residentBytes(pid), 0) / 2 ** 20,
    ...rest,
  };
}

/** A server that was idle for half a minute answers as before after so long. */
const REHEAT_SECONDS = 3;

/** The same after some unmeasured seconds: while the others were measured this one was idle, and its engine has thrown away code for objects of which there were none, its system pages that nobody read. */
export async function measured(server, paths, seconds, connections = CONNECTIONS) {
  await generate(server, paths, REHEAT_SECONDS, connections);
  return load(server, paths, seconds, connections);
}

/** As `measured`, beginning and ending with a server that is idle: what it does behind its responses is in its CPU time. */
export async function measuredToTheEnd(server, paths, seconds) {
  const [pid] = server.pids;
  await generate(server, ["unique", `${paths[1]}-before`], 1, CONNECTIONS);
  await untilIdle(pid);
  const before = cpuMicros(pid);
  const result = await load(server, paths, seconds);
  await untilIdle(pid);
  return { ...result, cpuMicros: (cpuMicros(pid) - before) / result.requests };
}

/** Has the engine compile what is hot, however long that takes on a busy machine. */
export async function warmUp(server, paths, connections = CONNECTIONS) {
  for (let requests = 0, attempt = 0; requests < WARM_REQUESTS && attempt < MOST_WARM_UPS; attempt++) {
    const given = paths[0] === "unique" ? ["unique", `${paths[1]}${attempt}`] : paths;
    requests += (await load(server, given, 1, connections)).requests;
  }
}

async function generate({ port, accepts = "" }, paths, seconds, connections) {
  const url = `http://127.0.0.1:${port}/p-0`;
  const field = accepts === "" ? [] : ["-H", `Accept-Encoding: ${accepts}`];
  const [command, args] = withWrk
    ? ["wrk", ["-t1", `-c${connections}`, `-d${seconds}s`, ...field, "-s", fileOf("paths.lua"), url, "--", ...paths]]
    : [process.execPath, [fileOf("generator.mjs"), port, seconds, connections, accepts, ...paths]];
  const { stdout } = await run(...pinned(CLIENT_CORE, command, args.map(String)));
  return JSON.parse(stdout.trim().split("\n").at(-1));
}
