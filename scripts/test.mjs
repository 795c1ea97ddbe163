/** `npm test`: installs and builds, then runs the tests; `npm test -- some/file` runs some of them, `--quick` what a change needs before a commit, `--all`
 * every case on every version of every framework. */
import { fileURLToPath } from "node:url";
import { prepare } from "./prepare.mjs";

await prepare();

// A part of the tests says nothing about coverage, so only the whole run reports it.
const given = process.argv.slice(2);
const mode = ["quick", "all"].find((name) => given.includes(`--${name}`));
const chosen = given.filter((argument) => argument !== `--${mode}`);
if (mode !== undefined) process.env.DISKCACHE_TEST = mode;
const vitest = new URL("../node_modules/vitest/vitest.mjs", import.meta.url);

// The same process, not a child: Ctrl-C, signals and the exit code are then Vitest's own.
process.argv = [
  process.execPath,
  fileURLToPath(vitest),
  "run",
  ...(chosen.length > 0 || mode === "quick" ? chosen : ["--coverage"]),
];
await import(vitest.href);
