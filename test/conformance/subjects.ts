/** What is measured: diskcache in an Express and in a Koa application, in two configurations, in front of the tests'
 * reverse proxy. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { diskCache as diskCacheForExpress } from "@diskcache/express";
import { diskCache as diskCacheForKoa } from "@diskcache/koa";
import { expressApplication } from "./proxy/express.js";
import { koaApplication } from "./proxy/koa.js";
import { serve, type RunningServer } from "./proxy/serve.js";

export type Adapter = "express" | "koa";

/** No `ttl` anywhere: the suite takes reuse of a response that names no freshness for a fault, and hangs most of its
 * tests on that. */
export const CONFIGURATIONS = {
  /** As installed. */
  defaults: {},
  /** Every option the suite has a question about. Neither `grace` nor `staleWhileRevalidate`: both mean to serve what
   * is stale although the application would answer. */
  everything: {
    heuristic: true,
    staleIfError: "1h",
    honourRequest: true,
    relaxed: { setCookie: true, partial: true, postAnswersGet: true, guessLanguage: true },
  },
} as const;
export type Configuration = keyof typeof CONFIGURATIONS;

export interface Subject {
  readonly adapter: Adapter;
  readonly configuration: Configuration;
}

export const SUBJECTS: readonly Subject[] = [
  { adapter: "express", configuration: "defaults" },
  { adapter: "express", configuration: "everything" },
  { adapter: "koa", configuration: "defaults" },
  { adapter: "koa", configuration: "everything" },
];

/** Names a subject in output, and its floor file. */
export function nameOf({ adapter, configuration }: Subject): string {
  return `${adapter}-${configuration}`;
}

/** Starts a subject in front of `origin`, with a cache directory of its own that goes when it is closed. */
export async function startSubject({ adapter, configuration }: Subject, origin: URL): Promise<RunningServer> {
  const dir = await mkdtemp(join(tmpdir(), "diskcache-conformance-"));
  // A proxy reads every field of a request, and the audit would say so for each test; what is kept does not depend on
  // it.
  const { listener, cache } = application(adapter, origin, { dir, audit: "off", ...CONFIGURATIONS[configuration] });
  const server = await serve(listener);
  return {
    url: server.url,
    async close() {
      await server.close();
      await cache.close();
      await rm(dir, { recursive: true, force: true });
    },
  };
}

function application(adapter: Adapter, origin: URL, options: { dir: string; audit: "off" }) {
  if (adapter === "express") {
    const cache = diskCacheForExpress(options);
    return { cache, listener: expressApplication(origin, cache) };
  }
  const cache = diskCacheForKoa(options);
  return { cache, listener: koaApplication(origin, cache) };
}
