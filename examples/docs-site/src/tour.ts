/** Asks the running site for some of its pages, cold and warm, and says what the cache made of them. */
import { Agent } from "node:http";
import type { Catalogue } from "./catalogue.js";
import { isHit, type Visit, visit } from "./visit.js";

export interface Stop {
  readonly path: string;
  readonly bytes: number;
  /** How long the first visit took, rendering included; `undefined` when it was a hit already, kept from an earlier run. */
  readonly renderedMs: number | undefined;
  /** Median of the visits after that. */
  readonly cachedMs: number;
  /** What was not as promised: empty when all is well. Never a time, as these are the machine's, and what else it does. */
  readonly problems: readonly string[];
}

const WARM_VISITS = 31;

/** Pages of different sizes: the list of documents, a search through all of them, and documents that are always installed. */
function tourPages(catalogue: Catalogue): string[] {
  const documents = ["express", "rehype-sanitize", "unified"].map((name) => catalogue.package(name)?.path);
  return ["/", "/?q=cache", catalogue.find("/project/README")?.path, ...documents].filter((path) => path !== undefined);
}

export async function takeTour(origin: string, catalogue: Catalogue): Promise<Stop[]> {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  try {
    // The first visits pay for compiling the code and the grammars. A page outside the table takes them, lest either figure mislead.
    const first = catalogue.package("remark-rehype");
    if (first) await visitOften(first.path, origin, agent);
    const stops: Stop[] = [];
    for (const path of tourPages(catalogue)) stops.push(await visitOften(path, origin, agent));
    return stops;
  } finally {
    agent.destroy();
  }
}

async function visitOften(path: string, origin: string, agent: Agent): Promise<Stop> {
  const url = new URL(path, origin);
  const cold = await visit(url, agent);
  const warm: Visit[] = [];
  for (let i = 0; i < WARM_VISITS; i++) warm.push(await visit(url, agent));
  return stopOf(path, cold, warm);
}

/** What the first visit to a page and the visits after it amount to. */
export function stopOf(path: string, cold: Visit, warm: readonly Visit[]): Stop {
  const renderedMs = isHit(cold.cacheStatus) ? undefined : cold.ms;
  const cachedMs = median(warm.map((one) => one.ms));
  return { path, bytes: cold.body.length, renderedMs, cachedMs, problems: problemsOf(cold, warm) };
}

function problemsOf(cold: Visit, warm: readonly Visit[]): string[] {
  const problems: string[] = [];
  if (cold.status !== 200) problems.push(`answered ${cold.status}`);
  const missed = warm.filter((one) => !isHit(one.cacheStatus));
  if (missed[0]) {
    const status = missed[0].cacheStatus || "(none)";
    problems.push(`${missed.length} of ${warm.length} repeated visits were no hits, Cache-Status: ${status}`);
  }
  const differing = warm.filter((one) => !one.body.equals(cold.body)).length;
  if (differing > 0) problems.push(`${differing} of ${warm.length} repeated visits got other bytes than the first`);
  return problems;
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[sorted.length >> 1] ?? 0;
}
