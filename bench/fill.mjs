/** Asks for every page once, and waits until nothing of it is still being written. Fails when the last one is not kept: what is measured then would be misses. */
import { Agent, get } from "node:http";
import { cpuMicros } from "./process-cost.mjs";

const TOGETHER = 32;
const IDLE_MICROS = 2000;

export async function fill({ name, port, pids, calls }, pages) {
  if (name === "bare" || name === "express.static") return;
  const agent = new Agent({ keepAlive: true, maxSockets: TOGETHER });
  let next = 0;
  const client = async () => {
    while (next < pages) await ask(port, `/p-${next++}`, agent);
  };
  await Promise.all(Array.from({ length: TOGETHER }, client));
  // Written behind the response: done when the process does nothing any more.
  for (let before = -IDLE_MICROS, now = 0; now - before >= IDLE_MICROS;) {
    before = now || cpuMicros(pids[0]);
    await new Promise((resolve) => setTimeout(resolve, 200));
    now = cpuMicros(pids[0]);
  }
  const before = await calls();
  await ask(port, `/p-${pages - 1}`, agent);
  agent.destroy();
  if ((await calls()) > before) throw new Error(`${name} does not keep what it is filled with`);
}

function ask(port, path, agent) {
  return new Promise((resolve, reject) => {
    const headers = { host: "www.example.com" };
    get({ host: "127.0.0.1", port, path, agent, headers }, (response) => {
      response.resume().on("end", resolve).on("error", reject);
    }).on("error", reject);
  });
}
