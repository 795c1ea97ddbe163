/** `npm run report` in bench/: writes the tables in docs/performance.md and the chart beside it from the figures in bench/results/. */
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { chart } from "./chart.mjs";
import { markdown } from "./markdown.mjs";

const PAGE = new URL("../docs/performance.md", import.meta.url);
const CHART = new URL("../docs/performance.svg", import.meta.url);

let page = readFileSync(PAGE, "utf8");
const hits = resultOf("hits");
for (const [whole, suite] of page.matchAll(/<!-- (\w+): -->[^]*?<!-- :\1 -->/g)) {
  const result = resultOf(suite);
  if (result === undefined) continue;
  const picture = suite === "hits" ? "![Requests for the same CPU time, 10 KiB hits](performance.svg)\n\n" : "";
  const written = `<!-- ${suite}: -->\n${picture}${provenance(result)}\n\n${markdown(result)}<!-- :${suite} -->`;
  // A function, because a text may hold what `replace` takes for a pattern.
  page = page.replace(whole, () => written);
}
writeFileSync(PAGE, page);
if (hits !== undefined) writeFileSync(CHART, chart(hits, "10 KiB"));

function resultOf(suite) {
  const file = new URL(`results/${suite}.json`, import.meta.url);
  return existsSync(file) ? JSON.parse(readFileSync(file, "utf8")) : undefined;
}

function provenance({ machine, rounds, yardstick }) {
  const { processor, cores, system, node, generator, pinned, load } = machine;
  const pins = pinned ? "server and load on a core each" : "no cores pinned";
  return `${processor}, ${cores} cores, ${system}, Node ${node}; load by ${generator}; ${pins}; load average before the run ${load}; medians of ${rounds} interleaved rounds; yardstick: \`${yardstick}\`.`;
}
