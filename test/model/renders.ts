/**
 * Whether a program is one of those whose page costs one call of the handler, whatever the number of clients. Says
 * no where it is not sure.
 */
import { someoneLeaves } from "./program.js";
import type { Program } from "./program.js";
import type { Observation } from "./run-program.js";

export function oneRenderExpected(program: Program, { seen }: Observation): boolean {
  const { clients, acts = [], world = {} } = program;
  if (someoneLeaves(program) || acts.some((act) => act === "purge" || act === "expire")) return false;
  if (
    world.second ||
    world.disk ||
    clients[0]?.method === "HEAD" ||
    seen.some(({ received }) => received.end !== "complete")
  )
    return false;
  // Others with another language or coding have pages of their own.
  const kinds = new Set(clients.map(({ coding = "", language = "" }) => `${coding} ${language}`));
  if (kinds.size > 1) return false;
  const status = (of: (typeof seen)[number]): string =>
    of.received.fields.find(([name]) => name.toLowerCase() === "cache-status")?.[1] ?? "";
  const cached = seen.filter(({ received }) => received.status !== 304);
  const wordsSaid = cached.map(status);
  // Kept, as it said, and found again: nothing came in between.
  const stored = wordsSaid.some((words) => /; stored\b/.test(words));
  const found = seen.filter(({ afterwards }) => afterwards).every((probe) => /; hit\b/.test(status(probe)));
  return stored && found;
}
