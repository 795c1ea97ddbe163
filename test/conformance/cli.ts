/** `npm run conformance`: measures the subjects, prints what they passed and what not, compares with the floors and,
 * asked to, raises them. */
import { readFile, writeFile } from "node:fs/promises";
import { pathToFileURL } from "node:url";
import { parseArgs } from "node:util";
import { DECLINED } from "./declined.js";
import { fallenBelow, raised, readFloor, risenAbove, writeFloor } from "./floor.js";
import { measureAll, type Measurement } from "./measure.js";
import { REPORT, report, withReport } from "./report.js";
import { tally } from "./score.js";
import { nameOf, startSubject, SUBJECTS, type Subject } from "./subjects.js";
import { loadSuite, runSuite, startOrigin, type Suite } from "./suite.js";

const USAGE = `npm run conformance -- [options]
  --only <subject>      one of ${SUBJECTS.map(nameOf).join(", ")}
  --update              raise the floors by what was passed, and write docs/conformance.md anew
  --suite <directory>   another edition of the suite, its dependencies installed; floors and document stay as they are
  --explain <test id>   run one test, and print every request and response as the client and as the origin saw them`;

/** Resolves with the exit code: 1 when a test of a floor was not passed. */
export async function main(args: string[]): Promise<number> {
  const { values } = parseArgs({
    args,
    options: {
      only: { type: "string" },
      update: { type: "boolean", default: false },
      suite: { type: "string" },
      explain: { type: "string" },
      help: { type: "boolean", default: false },
    },
  });
  const subjects = SUBJECTS.filter((subject) => values.only === undefined || nameOf(subject) === values.only);
  if (values.help || subjects.length === 0) {
    console.log(USAGE);
    return values.help ? 0 : 1;
  }
  const elsewhere = values.suite === undefined ? undefined : pathToFileURL(`${values.suite}/`);
  const suite = await loadSuite(elsewhere);
  if (values.explain !== undefined) return explain(suite, subjects, values.explain);

  const measurements = await measureAll(suite, subjects, async (subject) => {
    const floor = await readFloor(nameOf(subject));
    return [...floor.required, ...floor.optimal];
  });
  for (const measurement of measurements) print(suite, measurement);
  return elsewhere === undefined ? compare(suite, measurements, values.update) : 0;
}

function print(suite: Suite, { subject, results, verdicts }: Measurement): void {
  const { required, optimal, check } = tally(suite.tests, (id) => verdicts.get(id) === "passed");
  const counts = [required, optimal, check].map(({ passed, total }) => `${passed}/${total}`);
  console.log(
    `\n${nameOf(subject)}, ${suite.edition}: required ${counts[0]}, optimal ${counts[1]}, check ${counts[2]}`,
  );
  for (const { id, kind, category } of suite.tests) {
    const verdict = verdicts.get(id);
    if (kind === "check" || verdict === "passed") continue;
    const result = results[id];
    const message = result === undefined || result === true ? "" : result.join(": ");
    console.log(`  ${verdict} ${kind} ${category}/${id} ${message}${DECLINED[id] === undefined ? "" : " (declined)"}`);
  }
}

async function compare(suite: Suite, measurements: readonly Measurement[], update: boolean): Promise<number> {
  let fallen = 0;
  for (const { subject, verdicts } of measurements) {
    const name = nameOf(subject);
    const floor = await readFloor(name);
    const below = fallenBelow(floor, verdicts);
    const above = risenAbove(floor, suite, verdicts);
    fallen += below.length;
    console.log(`\n${name}: ${below.length} below its floor, ${above.length} above ${[...below, ...above].join(" ")}`);
    if (update) await writeFloor(name, raised(floor, suite, verdicts));
  }
  if (update) await writeFile(REPORT, withReport(await readFile(REPORT, "utf8"), await report(suite)));
  return fallen === 0 ? 0 : 1;
}

async function explain(suite: Suite, subjects: readonly Subject[], id: string): Promise<number> {
  const origin = await startOrigin(suite, process.stdout);
  for (const subject of subjects) {
    console.log(`\n${nameOf(subject)}`);
    const server = await startSubject(subject, origin.url);
    const results = await runSuite(suite, server.url, { ids: [id], log: process.stdout });
    console.log(results[id]);
    await server.close();
  }
  await origin.close();
  return 0;
}
