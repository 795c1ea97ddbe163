/** Names this process so that another one can check whether it still lives: carried by temporary files and locks.
 * Never judges by age alone. */
import { hash, randomBytes } from "node:crypto";
import fs from "node:fs";

/** Written into names: `<machine>-<pid>-<start>`, lower-case hex and digits. */
export interface ProcessIdentity {
  /** Which boot of which kernel and which pid namespace: pids compare only inside it. */
  readonly machine: string;
  readonly pid: number;
  /** When the process began, in the kernel's ticks; 0 if the kernel does not say. A pid is reused, the pair is not. */
  readonly start: number;
}

export type Liveness = "alive" | "dead" | "unknown";

/** Whether /proc describes this pid namespace: in one without a /proc of its own, the numbers there belong to another
 * (`unshare -pf`). */
const procIsOurs = linkOr("/proc/self") === String(process.pid);

const bootId = readOr("/proc/sys/kernel/random/boot_id");

/** Which boot of which kernel, and where its steady clock begins: eight hex digits; `undefined` if the kernel does not
 * say. */
export const ownBoot: string | undefined =
  bootId === "" ? undefined : hash("sha256", `${bootId}\n${linkOr("/proc/self/ns/time")}`).slice(0, 8);

/** This process. */
export const ownIdentity: ProcessIdentity = {
  machine: hash("sha256", `${bootId}\n${linkOr("/proc/self/ns/pid")}`).slice(0, 8),
  pid: process.pid,
  start: startIn("self") ?? 0,
};

/** Six hex digits that distinguish two stores, threads or restarts of one process. */
export function uniqueSuffix(): string {
  return randomBytes(3).toString("hex");
}

export function formatIdentity(identity: ProcessIdentity): string {
  return `${identity.machine}-${identity.pid}-${identity.start}`;
}

/** A name for what a part of this process makes in the directory: no other part, process or restart has the same. */
export function ownName(): string {
  return `${formatIdentity(ownIdentity)}-${uniqueSuffix()}`;
}

/** The process whose name it is; `undefined` when it is no such name. */
export function nameOwner(name: string): ProcessIdentity | undefined {
  const match = /^(.+)-[0-9a-f]{6}$/.exec(name);
  return match === null ? undefined : parseIdentity(match[1]!);
}

/** `undefined` when the text is not an identity of this form. */
export function parseIdentity(text: string): ProcessIdentity | undefined {
  const match = /^([0-9a-f]{8})-(\d{1,10})-(\d{1,15})$/.exec(text);
  if (match === null) return undefined;
  return { machine: match[1] as string, pid: Number(match[2]), start: Number(match[3]) };
}

/** `"unknown"` for a process of another machine, boot or pid namespace, or one the kernel will not show. */
export function liveness(identity: ProcessIdentity): Liveness {
  if (identity.machine !== ownIdentity.machine) return "unknown";
  if (identity.pid === ownIdentity.pid) return identity.start === ownIdentity.start ? "alive" : "dead";
  try {
    process.kill(identity.pid, 0);
  } catch (error) {
    if ((error as { code?: unknown }).code === "ESRCH") return "dead";
  }
  const start = startOf(identity.pid);
  if (start === undefined || identity.start === 0) return "unknown";
  return start === identity.start ? "alive" : "dead";
}

/** Whether the process lives, but was stopped (`SIGSTOP`, a debugger, a frozen terminal): it does nothing until it is
 * continued. False if the kernel does not say. */
export function isStopped(identity: ProcessIdentity): boolean {
  if (identity.machine !== ownIdentity.machine) return false;
  const [state] = procIsOurs ? statOf(identity.pid) : [];
  return (state === "T" || state === "t") && startOf(identity.pid) === identity.start;
}

function startOf(pid: number): number | undefined {
  return procIsOurs ? startIn(pid) : undefined;
}

function startIn(process: number | "self"): number | undefined {
  const fields = statOf(process);
  // A zombie keeps its pid but does nothing any more.
  if (fields[0] === "Z" || fields[0] === "X") return -1;
  const start = Number(fields[19]);
  return Number.isSafeInteger(start) && start > 0 ? start : undefined;
}

// Fields 3 and following of /proc/<pid>/stat: those after the command name, which may itself contain blanks and
// brackets. Field 22 is the start time.
function statOf(pid: number | "self"): string[] {
  const stat = readOr(`/proc/${pid}/stat`);
  return stat.slice(stat.lastIndexOf(")") + 2).split(" ");
}

function readOr(path: string): string {
  try {
    return fs.readFileSync(path, "latin1");
  } catch {
    return "";
  }
}

function linkOr(path: string): string {
  try {
    return fs.readlinkSync(path);
  } catch {
    return "";
  }
}
