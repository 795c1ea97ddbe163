/** What this machine has: cores to pin to, programs to compare with, and what it is called in the results. */
import { spawnSync } from "node:child_process";
import { arch, availableParallelism, cpus, loadavg, platform, release, totalmem } from "node:os";

export const SERVER_CORE = 0;
export const CLIENT_CORE = 1;

export function has(command, ...args) {
  return spawnSync(command, args, { stdio: "ignore" }).error === undefined;
}

const pins = platform() === "linux" && availableParallelism() > 1 && has("taskset", "--version");

/** A command that runs on one core, where cores can be chosen. */
export function pinned(core, command, args) {
  return pins ? ["taskset", ["--cpu-list", String(core), command, ...args]] : [command, args];
}

/** This process and what it starts from now on, unless pinned elsewhere. */
export function pinSelf(core) {
  if (pins) spawnSync("taskset", ["--all-tasks", "--cpu-list", "--pid", String(core), String(process.pid)]);
}

/** `load`: the load average as it is now, so to be asked for before anything is measured. */
export function describeMachine() {
  return {
    processor: cpus()[0]?.model.trim() ?? arch(),
    // Not those that this process is pinned to.
    cores: cpus().length,
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    system: `${platform()} ${release()}`,
    node: process.version,
    pinned: pins,
    load: loadavg()[0].toFixed(1),
    generator: has("wrk", "--version") ? "wrk" : "bench/generator.mjs",
  };
}
