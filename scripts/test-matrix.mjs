/** `npm run test:matrix`: the tests on the other Node versions that `engines` promises, over the same node_modules. On the
 * first of them all of the tests, as `npm run test:all` runs them: every case on every version of every framework. */
import { spawnSync } from "node:child_process";
import { root } from "./pnpm.mjs";

const versions = ["22", "24", "26"];

// npm's package `node` carries the binaries; `npx -c` puts that one first on the PATH. The version is printed by it, as proof.
const command = "node -p '`Node ${process.version}`' && node node_modules/vitest/vitest.mjs run";
const failed = versions.filter((version, index) => {
  const { status } = spawnSync("npx", ["--yes", "-p", `node@${version}`, "-c", command], {
    cwd: root,
    stdio: "inherit",
    env: { ...process.env, ...(index === 0 && { DISKCACHE_TEST: "all" }) },
  });
  return status !== 0; // null, too: ended by a signal, as a crash is
});

console.log(failed.length === 0 ? `Passed on Node ${versions.join(", ")}.` : `Failed on Node ${failed.join(", ")}.`);
process.exitCode = failed.length === 0 ? 0 : 1;
