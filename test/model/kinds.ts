/**
 * Groups what is found: the fault, and what the program has that usually brings it about. Never decides whether
 * something is a fault.
 */
import type { Difference } from "./oracle.js";
import { someoneLeaves } from "./program.js";
import type { Program } from "./program.js";

/** A label such as `short-stored, someone leaves`. */
export function kindOf(program: Program, { fault, detail }: Difference): string {
  const field = /^(?:missing|extra)-field$|^field-value$/.test(fault) ? ` ${detail.split(":", 1)[0]}` : "";
  const circumstance = circumstanceOf(program);
  return `${fault}${field}${circumstance && ", "}${circumstance}`;
}

// The one that explains most comes first.
function circumstanceOf(program: Program): string {
  const { handler, inside = [] } = program;
  if (inside.some(({ use }) => use === "cache")) return "two caches";
  if (someoneLeaves(program)) return "someone leaves";
  if (inside.some(({ use }) => use === "compress")) return "compression inside";
  return inside.some(({ use }) => use === "hook") || handler.some(isLate) ? "hook inside" : "";
}

function isLate(step: Program["handler"][number]): boolean {
  return step.do === "late" || (step.do === "language" && step.vary === "hook");
}
