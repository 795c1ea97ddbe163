/** The public suite http-tests/cache-tests, as it lies in a directory: what it asks, its origin server, its client. It
 * never judges an answer: that is `score.ts`. */
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { devNull } from "node:os";
import { pathToFileURL } from "node:url";
import { Worker } from "node:worker_threads";

/** What a test decides: `required` by the RFCs, `optimal` in a good cache, or a question (`check`) that gates other
 * tests. */
export type Kind = "required" | "optimal" | "check";

export interface SuiteTest {
  readonly id: string;
  readonly kind: Kind;
  /** Id of the group the suite lists it under, such as `cc-freshness`. */
  readonly category: string;
  /** Tests that must be passed before this one says anything. */
  readonly dependsOn: readonly string[];
  /** Whether the origin hangs up instead of answering one of its requests. */
  readonly disconnects: boolean;
}

export interface Suite {
  /** Name and version of the package: figures of one edition say nothing about another. */
  readonly edition: string;
  readonly root: URL;
  /** Where client and server lie: the root, or `test-engine/` in later editions. */
  readonly engine: URL;
  /** Those that a reverse proxy is asked, in the suite's order. */
  readonly tests: readonly SuiteTest[];
}

/** What the client says of each test: passed, or the kind of failure (`Setup`, `Assertion`, a network error) and a
 * message. */
export type Results = Readonly<Record<string, true | readonly [failure: string, message: string]>>;

export interface Origin {
  readonly url: URL;
  close(): Promise<void>;
}

/** A test as the suite's files declare it; what they may leave out has the suite's own default. */
interface Declaration {
  readonly id: string;
  readonly kind?: Kind;
  readonly depends_on?: readonly string[];
  readonly browser_only?: boolean;
  readonly requests: readonly { readonly disconnect?: boolean }[];
}

const fromNpm = pathToFileURL(createRequire(import.meta.url).resolve("http-cache-tests/package.json"));

/** Reads the suite in `root`: the edition that npm has, unless told otherwise. */
export async function loadSuite(root: URL = new URL("./", fromNpm)): Promise<Suite> {
  const { name, version } = JSON.parse(await readFile(new URL("package.json", root), "utf8")) as {
    name: string;
    version: string;
  };
  const groups = (await import(/* @vite-ignore */ new URL("tests/index.mjs", root).href)) as {
    default: { id: string; tests: Declaration[] }[];
  };
  const tests = groups.default.flatMap((group) =>
    group.tests.filter((test) => test.browser_only !== true).map((test) => described(group.id, test)),
  );
  return { edition: `${name} ${version}`, root, engine: await engineOf(root), tests };
}

/** Which tests to run, if not all, and where to print what the suite says of their requests and responses. */
export interface Run {
  readonly ids?: readonly string[];
  readonly log?: NodeJS.WritableStream;
}

/** Starts the suite's origin server on a port of its own. In a thread, because it takes its settings from the
 * environment and ends with its process. */
export async function startOrigin({ engine }: Suite, log?: NodeJS.WritableStream): Promise<Origin> {
  const env = { npm_config_protocol: "http", npm_config_port: "0", npm_config_pidfile: devNull };
  const thread = new Worker(new URL("server/server.mjs", engine), { env, execArgv: [], stdout: true, stderr: true });
  const port = await new Promise<string>((resolve, reject) => {
    thread.once("error", reject);
    // It tells its port nowhere else. Listening goes on: what it prints later must be taken from the pipe too.
    thread.stdout.on("data", (chunk: Buffer) => {
      const listening = /^Listening on .*:(\d+)\//m.exec(chunk.toString());
      if (listening?.[1] === undefined) log?.write(chunk);
      else resolve(listening[1]);
    });
  });
  return { url: new URL(`http://127.0.0.1:${port}`), close: async () => void (await thread.terminate()) };
}

/** Puts the suite's questions to the server at `base`. In a thread, because the client keeps its results in its
 * modules, and so serves once. */
export async function runSuite(
  suite: Suite,
  base: URL,
  { ids = suite.tests.map(({ id }) => id), log }: Run = {},
): Promise<Results> {
  const workerData = {
    root: suite.root.href,
    engine: suite.engine.href,
    base: base.origin,
    ids,
    dump: log !== undefined,
  };
  const thread = new Worker(new URL("suite-client.mjs", import.meta.url), {
    workerData,
    execArgv: [],
    stdout: true,
    stderr: true,
  });
  thread.stdout.on("data", (chunk: Buffer) => log?.write(chunk));
  const [results] = (await once(thread, "message")) as [Results];
  await thread.terminate();
  return results;
}

function described(category: string, test: Declaration): SuiteTest {
  const disconnects = test.requests.some(({ disconnect }) => disconnect === true);
  return { id: test.id, kind: test.kind ?? "required", category, dependsOn: test.depends_on ?? [], disconnects };
}

async function engineOf(root: URL): Promise<URL> {
  const later = new URL("test-engine/", root);
  const runner = await readFile(new URL("client/runner.mjs", later)).catch(() => undefined);
  return runner === undefined ? root : later;
}
