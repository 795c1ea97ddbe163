/** Runs the suite's own client in a thread of its own and posts what it found. Plain JavaScript, because a thread starts without the tests' TypeScript. */
import { Agent } from "node:http";
import { createRequire } from "node:module";
import { parentPort, workerData } from "node:worker_threads";

/** A request that takes longer hangs, and would hold up the whole run. */
const REQUEST_TIMEOUT_MS = 15_000;

/** A connection for each request: a server may close one that lies idle for 5 s at the very moment a busy machine takes it up again. */
const agent = new Agent({ keepAlive: false });

/** @type {{ root: string, engine: string, base: string, ids: string[], dump: boolean }} */
const { root, engine, base, ids, dump } = workerData;
const wanted = new Set(ids);

const { runTests, getResults } = await import(new URL("client/runner.mjs", engine).href);
const { default: groups } = await import(new URL("tests/index.mjs", root).href);
const fetch = createRequire(new URL("package.json", root))("node-fetch");

const chosen = groups.map((group) => ({
  ...group,
  tests: group.tests.filter((test) => wanted.has(test.id)).map((test) => ({ ...test, dump })),
}));
await runTests(chosen, (url, init) => fetch(url, { timeout: REQUEST_TIMEOUT_MS, agent, ...init }), false, base);
parentPort?.postMessage(getResults());
