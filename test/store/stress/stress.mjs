/** Eight processes, fifty keys, and a check of the whole history: no body torn or of another key, none whose making began before a purge that was over before it was asked for. `npm run stress -- --minutes 10` */
import { fork } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { compileStore } from "../../support/compiled-store.mjs";

const WORKER = fileURLToPath(new URL("worker.mjs", import.meta.url));

/** @returns how much was done, and what was wrong */
export async function stress(ms, processes = 8) {
  const compiled = compileStore();
  const dir = mkdtempSync(join(tmpdir(), "diskcache-stress-"));
  try {
    const histories = await Promise.all(
      Array.from({ length: processes }, async () => {
        const child = fork(WORKER, [compiled.store, dir, String(ms)]);
        const [history] = await Promise.race([
          once(child, "message"),
          once(child, "exit").then(([code]) => [
            { counts: {}, wrong: [`a process ended with ${code}`], reads: [], purges: [] },
          ]),
        ]);
        if (child.connected) child.disconnect();
        return history;
      }),
    );
    const wrong = [...histories.flatMap((history) => history.wrong), ...stale(histories)];
    const sum = (name) => histories.reduce((total, { counts }) => total + (counts[name] ?? 0), 0);
    const purges = histories.reduce((total, history) => total + history.purges.length, 0);
    return { puts: sum("puts"), hits: sum("hits"), misses: sum("misses"), purges, wrong };
  } finally {
    rmSync(dir, { recursive: true, force: true });
    compiled.remove();
  }
}

/** Reads of what a purge had ended: made before the purge began, asked for after it was over. */
export function stale(histories) {
  const purges = new Map();
  for (const [key, begun, over] of histories.flatMap((history) => history.purges))
    purges.set(key, [...(purges.get(key) ?? []), { begun: BigInt(begun), over: BigInt(over) }]);
  const wrong = [];
  for (const [key, asked, made] of histories.flatMap((history) => history.reads)) {
    const ended = (purges.get(key) ?? []).some(({ begun, over }) => BigInt(made) < begun && over < BigInt(asked));
    if (ended) wrong.push(`${key}: made at ${made}, purged, and still there at ${asked}`);
  }
  return wrong;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const { values } = parseArgs({ options: { minutes: { type: "string", default: "1" } } });
  const result = { rounds: 0, puts: 0, hits: 0, purges: 0, wrong: [] };
  for (let left = Number(values.minutes) * 6; left > 0; left--) {
    const { puts, hits, purges, wrong } = await stress(10_000);
    result.rounds++;
    result.puts += puts;
    result.hits += hits;
    result.purges += purges;
    result.wrong.push(...wrong);
  }
  console.log(result);
  process.exitCode = result.wrong.length === 0 ? 0 : 1;
}
