/** What a process and its children have cost so far: CPU time and resident memory, from /proc. */
import { readdirSync, readFileSync } from "node:fs";

const PAGE_BYTES = 4096;

/** CPU time in microseconds, user and system together, all threads. */
export function cpuMicros(pid) {
  return sum(pid, (each) => {
    let nanoseconds = 0;
    for (const thread of readdirSync(`/proc/${each}/task`))
      nanoseconds += Number(readFileSync(`/proc/${each}/task/${thread}/schedstat`, "latin1").split(" ")[0]);
    return nanoseconds / 1000;
  });
}

/** Resident memory in bytes. */
export function residentBytes(pid) {
  return sum(pid, (each) => Number(readFileSync(`/proc/${each}/statm`, "latin1").split(" ")[1]) * PAGE_BYTES);
}

function sum(pid, costOf) {
  let total = 0;
  for (const each of tree(pid)) {
    try {
      total += costOf(each);
    } catch {
      // Ended since it was listed.
    }
  }
  return total;
}

function tree(pid) {
  const found = [pid];
  const parents = new Map();
  for (const name of readdirSync("/proc")) {
    if (!/^\d+$/.test(name)) continue;
    try {
      const stat = readFileSync(`/proc/${name}/stat`, "latin1");
      parents.set(Number(name), Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[1]));
    } catch {
      // Ended since it was listed.
    }
  }
  for (const parent of found)
    for (const [child, its] of parents) if (its === parent && !found.includes(child)) found.push(child);
  return found;
}

/** In so long a process that does nothing needs less than so much. */
const IDLE_MS = 200;
const IDLE_MICROS = 2000;

/** Until a process has nothing to do any more. */
export async function untilIdle(pid) {
  for (let before = -IDLE_MICROS, now = 0; now - before >= IDLE_MICROS;) {
    before = now || cpuMicros(pid);
    await new Promise((resolve) => setTimeout(resolve, IDLE_MS));
    now = cpuMicros(pid);
  }
}
