/** Asks for every page, as often as it takes until all of them are kept: who has too much to write leaves some out. Fails where that does not end: what is measured then would be misses. */
import { Agent, get } from "node:http";
import { untilIdle } from "./process-cost.mjs";

const TOGETHER = 32;
/** Systems that answer from the beginning as they do at the end. */
const HAVE_ALL = new Set(["bare", "bare, reading a file", "express.static"]);
const MOST_TIMES = 10;

export async function fill(system, pages) {
  const { name, calls } = system;
  if (HAVE_ALL.has(name)) return;
  for (let times = 1, before = -1; (await calls()) > before; times++) {
    if (times > MOST_TIMES) throw new Error(`${name} does not keep what it is filled with`);
    before = await calls();
    await askForAll(system, pages);
    // What is written behind the responses is written then.
    await untilIdle(system.pids[0]);
  }
}

async function askForAll({ port }, pages) {
  // New connections each time: a server closes those that have waited while it wrote.
  const agent = new Agent({ keepAlive: true, maxSockets: TOGETHER });
  let next = 0;
  const client = async () => {
    while (next < pages) await ask(port, `/p-${next++}`, agent);
  };
  await Promise.all(Array.from({ length: TOGETHER }, client));
  agent.destroy();
}

function ask(port, path, agent) {
  return new Promise((resolve, reject) => {
    const headers = { host: "www.example.com" };
    get({ host: "127.0.0.1", port, path, agent, headers }, (response) => {
      response.resume().on("end", resolve).on("error", reject);
    }).on("error", reject);
  });
}
