/**
 * `node bench/against.mjs <checkout> [--rounds 7] [--only memory,put]`: this version beside another one, whose checkout has been built (`npm run build` there).
 * The other version runs twice, as two processes: what these two differ by is the noise. Prints the CPU time a request costs, and the medians of the ratios of
 * each round; keeps nothing.
 */
import { resolve } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { parseArgs } from "node:util";
import { CLIENT_CORE, pinSelf } from "./machine.mjs";
import { interleave, median } from "./rounds.mjs";

const SECONDS = 2;
const CASES = {
  memory: { config: { bodyBytes: 10_240, memory: "64mb" }, pages: 1, paths: () => ["one"] },
  disk: { config: { bodyBytes: 10_240, memory: 0 }, pages: 500, paths: () => ["random", 500] },
  put: { config: { bodyBytes: 10_240, memory: "64mb" }, pages: 0, paths: (prefix) => ["unique", prefix] },
  stream: { config: { bodyBytes: 200_000, memory: "64mb" }, pages: 0, paths: (prefix) => ["unique", prefix] },
};

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { rounds: { type: "string", default: "7" }, only: { type: "string" } },
});
const [other] = positionals;
if (other === undefined) throw new Error("which checkout? node bench/against.mjs <folder>");

process.env.NODE_ENV = "production";
pinSelf(CLIENT_CORE);
const own = fileURLToPath(new URL("..", import.meta.url));
const versions = [
  { name: "other", root: resolve(other) },
  { name: "other again", root: resolve(other) },
  { name: "this", root: own },
];

console.log("case     CPU a request, µs: other / other again / this   other again ÷ other   this ÷ other");
for (const [name, each] of Object.entries(CASES)) {
  if (values.only === undefined || values.only.split(",").includes(name)) await compare(name, each);
}

async function compare(name, { config, pages, paths }) {
  const systems = await Promise.all(versions.map((version) => open(version, config)));
  for (const { server, fill, warmUp } of systems) {
    await fill(server, pages);
    await warmUp(server, paths(`${name}-warm`));
  }
  const taken = await interleave(systems, Number(values.rounds), async ({ server, load, measuredToTheEnd }, round) =>
    pages > 0 ? load(server, paths(), SECONDS) : measuredToTheEnd(server, paths(`${name}-${round}`), SECONDS),
  );
  await Promise.all(systems.map(({ server }) => server.stop()));
  const [base, again, now] = systems.map((system) => taken.get(system).map(({ cpuMicros }) => cpuMicros));
  const ratio = (costs) => median(costs.map((cost, round) => cost / base[round])).toFixed(3);
  const micros = [base, again, now].map((costs) => median(costs).toFixed(1)).join(" / ");
  console.log(`${name.padEnd(8)} ${micros.padEnd(51)} ${ratio(again).padEnd(21)} ${ratio(now)}`);
}

// Each version with its own bench, whose systems import that version.
async function open({ root }, config) {
  const from = (file) => import(pathToFileURL(resolve(root, "bench", file)).href);
  const [{ start }, { fill }, load] = await Promise.all([from("servers.mjs"), from("fill.mjs"), from("load.mjs")]);
  return { server: await start("diskcache", config), fill, ...load };
}
