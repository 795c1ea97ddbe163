/** The life of a documentation site: listens, takes the tour, serves until Ctrl-C, and closes what it opened. */
import { once } from "node:events";
import type { Server } from "node:http";
import type { AddressInfo } from "node:net";
import { shownPath, type SiteOptions } from "./options.js";
import type { Site } from "./site.js";
import { tourTable } from "./table.js";
import { type Stop, takeTour } from "./tour.js";

export interface Running {
  /** "Express" or "Koa", for the first line. */
  readonly framework: string;
  readonly server: Server;
  /** What the site needs of its cache to begin and to end. */
  readonly cache: { clear(): Promise<unknown>; close(): Promise<unknown> };
  readonly site: Site;
  readonly options: SiteOptions;
}

const STOP_SIGNALS = ["SIGINT", "SIGTERM"] as const;

/** Resolves when the site has closed, with the exit code: not 0 when it could not listen, or `--once` found a promise broken. */
export async function run({ framework, server, cache, site, options }: Running): Promise<number> {
  const stop = new AbortController();
  const onSignal = (): void => stop.abort();
  // Once: a second Ctrl-C ends the process at once.
  for (const signal of STOP_SIGNALS) process.once(signal, onSignal);
  if (options.fresh) await cache.clear();
  try {
    const origin = await listen(server, options.port);
    if (origin === undefined) {
      console.error(`Port ${options.port} is taken: choose another with --port, or any free one with --port 0.`);
      return 1;
    }
    console.log(
      `${site.catalogue.entries.length} documents in ${framework}, cached in ${shownPath(options.dir)}: ${origin}/\n`,
    );
    const stops = await takeTour(origin, site.catalogue);
    console.log(`${tourTable(stops)}\n`);
    const broken = reportProblems(stops);
    console.log(keptLine(stops));
    if (options.once) return broken ? 1 : 0;
    if (!stop.signal.aborted) {
      console.log("Serving until Ctrl-C.");
      await once(stop.signal, "abort");
    }
    return 0;
  } finally {
    for (const signal of STOP_SIGNALS) process.off(signal, onSignal);
    await close(server);
    await cache.close();
  }
}

// On the loopback interface only: this is an example, on a developer's machine. `undefined` when the port is taken.
async function listen(server: Server, port: number): Promise<string | undefined> {
  server.listen(port, "localhost");
  try {
    await once(server, "listening");
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "EADDRINUSE") return undefined;
    throw error;
  }
  return `http://localhost:${(server.address() as AddressInfo).port}`;
}

async function close(server: Server): Promise<void> {
  if (!server.listening) return;
  const closed = once(server, "close");
  server.close();
  server.closeIdleConnections();
  await closed;
}

function reportProblems(stops: readonly Stop[]): boolean {
  const problems = stops.flatMap(({ path, problems: found }) => found.map((problem) => `${path}: ${problem}`));
  for (const problem of problems) console.error(problem);
  return problems.length > 0;
}

function keptLine(stops: readonly Stop[]): string {
  const kept = stops.filter((stop) => stop.renderedMs === undefined).length;
  if (kept === 0)
    return "The pages are on disk: start this again, and they are hits from the first request (--fresh begins anew).";
  const which = kept === stops.length ? "Every page was" : `${kept} of ${stops.length} pages were`;
  return `${which} on disk from an earlier run: a restart keeps the cache (--fresh begins anew).`;
}
