/** The tests each subject is known to pass, checked in below `floor/`. A floor only rises: nothing here takes a test
 * out of it that the suite still has. */
import { readFile, writeFile } from "node:fs/promises";
import type { Verdict } from "./score.js";
import type { Kind, Suite } from "./suite.js";

export interface Floor {
  /** The edition of the suite it was measured with. */
  readonly suite: string;
  readonly required: readonly string[];
  readonly optimal: readonly string[];
}

/** The floor of the named subject; an empty one when there is none yet. */
export async function readFloor(name: string): Promise<Floor> {
  try {
    return JSON.parse(await readFile(fileOf(name), "utf8")) as Floor;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
    return { suite: "", required: [], optimal: [] };
  }
}

export async function writeFloor(name: string, floor: Floor): Promise<void> {
  await writeFile(fileOf(name), `${JSON.stringify(floor, undefined, 2)}\n`);
}

/** Tests of the floor that these verdicts do not pass. */
export function fallenBelow(floor: Floor, verdicts: ReadonlyMap<string, Verdict>): string[] {
  return [...floor.required, ...floor.optimal].filter((id) => verdicts.get(id) !== "passed");
}

/** Tests passed by these verdicts that the floor does not have. */
export function risenAbove(floor: Floor, suite: Suite, verdicts: ReadonlyMap<string, Verdict>): string[] {
  const known = new Set([...floor.required, ...floor.optimal]);
  return suite.tests
    .filter(({ id, kind }) => kind !== "check" && verdicts.get(id) === "passed" && !known.has(id))
    .map(({ id }) => id);
}

/** The floor with what these verdicts add to it, in the suite's order. */
export function raised(floor: Floor, suite: Suite, verdicts: ReadonlyMap<string, Verdict>): Floor {
  const stands = new Set([...floor.required, ...floor.optimal, ...risenAbove(floor, suite, verdicts)]);
  const ofKind = (kind: Kind) =>
    suite.tests.filter((test) => test.kind === kind && stands.has(test.id)).map(({ id }) => id);
  return { suite: suite.edition, required: ofKind("required"), optimal: ofKind("optimal") };
}

function fileOf(name: string): URL {
  return new URL(`floor/${name}.json`, import.meta.url);
}
