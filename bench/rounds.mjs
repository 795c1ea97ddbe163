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

/**
 * One row a system: medians over the rounds. `ratio` and `perSecondRatio` are medians of what each round says of it and the yardstick: how many times the
 * yardstick's work it does with the same CPU time, and in the same time.
 */
export function rows(taken, yardstick) {
  const base = [...taken].find(([{ name }]) => name === yardstick)[1];
  return [...taken].map(([{ name }, rounds]) => ({
    system: name,
    ratio: digits(median(rounds.map((each, round) => base[round].cpuMicros / each.cpuMicros)), 3),
    perSecondRatio: digits(median(rounds.map((each, round) => each.perSecond / base[round].perSecond)), 3),
    p99Ratio: digits(median(rounds.map((each, round) => each.p99Ms / base[round].p99Ms)), 2),
    cpuMicros: digits(median(rounds.map((each) => each.cpuMicros)), 2),
    helpersCpuMicros: digits(median(rounds.map((each) => each.helpersCpuMicros)), 2),
    perSecond: Math.round(median(rounds.map((each) => each.perSecond))),
    p50Ms: digits(median(rounds.map((each) => each.p50Ms)), 2),
    p99Ms: digits(median(rounds.map((each) => each.p99Ms)), 2),
    residentMiB: Math.round(Math.max(...rounds.map((each) => each.residentMiB))),
    callsShare: digits(median(rounds.map((each) => each.calls / each.requests)), 4),
    failed: rounds.reduce((sum, each) => sum + each.failed, 0),
  }));
}

export function digits(value, count) {
  return Number(value.toFixed(count));
}
