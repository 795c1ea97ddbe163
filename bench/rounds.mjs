/** Rounds: every system in turn, each round beginning with another one, so that what disturbs the machine disturbs all of them alike. */

export function median(values) {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

/** The figures of every round, by system. */
export async function interleave(systems, rounds, measure) {
  const taken = new Map(systems.map((system) => [system, []]));
  for (let round = 0; round < rounds; round++) {
    for (let turn = 0; turn < systems.length; turn++) {
      const system = systems[(turn + round) % systems.length];
      taken.get(system).push(await measure(system, round));
    }
  }
  return taken;
}

/** So many systems are measured between two measurements of the yardstick: a machine shared with others changes its pace within seconds. */
const STRIDE = 3;

/**
 * Every system's rounds, each beside the yardstick as it was just before and just after it. One row a system, in the given order: medians over the rounds.
 * `ratio` and `perSecondRatio` are medians of what each round says of it and the yardstick: how many times the yardstick's work it does with the same CPU
 * time, and in the same time.
 */
export async function compare(systems, yardstick, rounds, measure) {
  const base = systems.find(({ name }) => name === yardstick);
  const others = systems.filter((system) => system !== base);
  const taken = new Map(systems.map((system) => [system, []]));
  for (let round = 0; round < rounds; round++) {
    const turns = others.map((_, turn) => others[(turn + round) % others.length]);
    let before = await measure(base, round);
    taken.get(base).push({ ...before, beside: before });
    for (let at = 0; at < turns.length; at += STRIDE) {
      const group = [];
      for (const system of turns.slice(at, at + STRIDE)) group.push([system, await measure(system, round)]);
      const after = await measure(base, round);
      for (const [system, result] of group) taken.get(system).push({ ...result, beside: between(before, after) });
      taken.get(base).push({ ...after, beside: after });
      before = after;
    }
  }
  return [...taken].map(row);
}

function between(before, after) {
  const mean = (of) => (of(before) + of(after)) / 2;
  return {
    cpuMicros: mean(({ cpuMicros }) => cpuMicros),
    perSecond: mean(({ perSecond }) => perSecond),
    p99Ms: mean(({ p99Ms }) => p99Ms),
  };
}

function row([{ name }, rounds]) {
  const medianOf = (of, places) => digits(median(rounds.map(of)), places);
  return {
    system: name,
    ratio: medianOf(({ beside, cpuMicros }) => beside.cpuMicros / cpuMicros, 3),
    perSecondRatio: medianOf(({ beside, perSecond }) => perSecond / beside.perSecond, 3),
    p99Ratio: medianOf(({ beside, p99Ms }) => p99Ms / beside.p99Ms, 2),
    cpuMicros: medianOf(({ cpuMicros }) => cpuMicros, 2),
    helpersCpuMicros: medianOf(({ helpersCpuMicros }) => helpersCpuMicros, 2),
    perSecond: medianOf(({ perSecond }) => perSecond, 0),
    p50Ms: medianOf(({ p50Ms }) => p50Ms, 2),
    p99Ms: medianOf(({ p99Ms }) => p99Ms, 2),
    residentMiB: Math.round(Math.max(...rounds.map(({ residentMiB }) => residentMiB))),
    callsShare: medianOf(({ calls, requests }) => calls / requests, 4),
    failed: rounds.reduce((sum, { failed }) => sum + failed, 0),
  };
}

export function digits(value, places) {
  return Number(value.toFixed(places));
}
