/** Has pages rendered before anybody asks for them, and again when somebody knows that they have changed: by requests of the cache's own, a bounded number at a time. */
import type { IncomingMessage, Server } from "node:http";
import { DiskCacheError } from "@diskcache/core";
import { sendOwn } from "./own-request.js";
import type { OwnAnswer } from "./own-request.js";
import { markOwn } from "./refresh.js";
import { knownServer } from "./server.js";

export interface RefreshOptions {
  /** The server to send the request through. Without it, the one that the first request came by. */
  readonly server?: Server;
  /** Header fields of the request, beside `Host`: what the page is chosen by, such as `Accept-Language` or `X-Forwarded-Proto`. */
  readonly headers?: Readonly<Record<string, string>>;
  /** Breaks off. */
  readonly signal?: AbortSignal;
}

export interface WarmOptions extends RefreshOptions {
  /** How many pages are asked for at a time. Default: 4. */
  readonly concurrency?: number;
  /** Called after each page. */
  readonly onProgress?: (page: WarmedPage & { readonly done: number }) => void;
}

/** How it went with one page. */
export interface WarmedPage {
  readonly url: string;
  /** `undefined` when the answer was broken off. */
  readonly status: number | undefined;
  /** It was rendered and kept. */
  readonly stored: boolean;
  /** It was there already. */
  readonly hit: boolean;
}

export interface WarmSummary {
  readonly done: number;
  readonly stored: number;
  readonly hits: number;
  /** Broken off, or answered with 400 or more. */
  readonly failed: number;
}

const CONCURRENCY = 4;

/** @throws {DiskCacheError} `ERR_DISKCACHE_SERVER`, `ERR_DISKCACHE_OPTION`; what `signal` was aborted with */
export async function refreshPage(cache: object, url: string, options: RefreshOptions = {}): Promise<WarmedPage> {
  return ask(cache, url, options, true);
}

/** @throws {DiskCacheError} `ERR_DISKCACHE_SERVER`, `ERR_DISKCACHE_OPTION`; what `signal` was aborted with */
export async function warmPages(
  cache: object,
  urls: Iterable<string> | AsyncIterable<string>,
  options: WarmOptions = {},
): Promise<WarmSummary> {
  const { concurrency = CONCURRENCY, onProgress } = options;
  if (!Number.isSafeInteger(concurrency) || concurrency < 1)
    throw wrongOption("concurrency", "a whole number above 0", concurrency);
  if (typeof urls === "string") throw wrongOption("urls", "a list of URLs or paths", urls);
  const summary = { done: 0, stored: 0, hits: 0, failed: 0 };
  const source = Symbol.asyncIterator in urls ? urls[Symbol.asyncIterator]() : urls[Symbol.iterator]();
  const progress = { over: false };
  const work = async (): Promise<void> => {
    while (!progress.over) {
      const { value, done } = await source.next();
      if (done === true) return;
      const page = await ask(cache, value, options, false);
      summary.done++;
      if (page.stored) summary.stored++;
      if (page.hit) summary.hits++;
      if (page.status === undefined || page.status >= 400) summary.failed++;
      onProgress?.({ ...page, done: summary.done });
    }
  };
  try {
    await Promise.all(Array.from({ length: concurrency }, work));
  } finally {
    // Whatever ended it, the others begin nothing new.
    progress.over = true;
  }
  return summary;
}

async function ask(cache: object, url: string, options: RefreshOptions, anew: boolean): Promise<WarmedPage> {
  const { signal, headers = {} } = options;
  signal?.throwIfAborted();
  const { server, host, encrypted, target } = addressed(cache, url, options.server);
  const rawHeaders = ["Host", host, ...Object.entries(headers).flat()];
  const prepare = (req: IncomingMessage): void => markOwn(req, anew);
  const answer = await sendOwn({ server, target, rawHeaders, encrypted, signal, prepare });
  signal?.throwIfAborted();
  return { url, status: answer.status, ...told(answer) };
}

function told({ cacheStatus }: OwnAnswer): { readonly stored: boolean; readonly hit: boolean } {
  return { stored: /; *stored\b/.test(cacheStatus), hit: /diskcache; *hit\b/.test(cacheStatus) };
}

function addressed(cache: object, url: string, given: Server | undefined) {
  const known = knownServer(cache);
  const server = given ?? known?.server;
  if (server === undefined) {
    throw new DiskCacheError(
      "ERR_DISKCACHE_SERVER",
      "no server is known yet: pass `{ server }`, or call it after the first request",
    );
  }
  const whole = /^(https?):\/\/([^/?#]+)(.*)$/i.exec(url);
  if (whole !== null) {
    const target = whole[3]!.startsWith("/") ? whole[3]! : `/${whole[3]!}`;
    return { server, host: whole[2]!, encrypted: whole[1]!.toLowerCase() === "https", target };
  }
  if (!url.startsWith("/")) throw wrongOption("url", 'a URL or a path such as "/reports/7"', url);
  if (known?.host === undefined)
    throw new DiskCacheError("ERR_DISKCACHE_SERVER", `no host is known yet for ${url}: pass the whole URL`);
  return { server, host: known.host, encrypted: known.encrypted, target: url };
}

function wrongOption(option: string, expected: string, value: unknown): DiskCacheError {
  return new DiskCacheError("ERR_DISKCACHE_OPTION", `option \`${option}\`: expected ${expected}, got ${String(value)}`);
}
