/** `npm run fuzz`: installs and builds, then feeds the cache what nobody sends on purpose; `npm run fuzz -- --seed 7 --files 1000` and the like say what and how much. */
import { fileURLToPath } from "node:url";
import { prepare } from "./prepare.mjs";

await prepare();

const run = new URL("../test/support/run-module.mjs", import.meta.url);
process.argv = [process.execPath, fileURLToPath(run), "/test/fuzz/fuzz.ts", ...process.argv.slice(2)];
await import(run.href);
