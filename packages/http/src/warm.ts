/**
 * Has pages rendered before a client asks for them, and again after they have changed: by requests of the cache's own,
 * a bounded number at a time.
 */
import type { IncomingMessage } from "node:http";
import { DiskCacheError, optionError, optionsOf } from "@diskcache/core";
import { markOwn, sendOwn } from "./refresh.js";
import { knownServer } from "./server.js";
import type { AnyServer } from "./server.js";

/** The cache that stores the pages. */
interface Warmed {
  /** Throws when it is closed. */
  assertOpen(): void;
}

export interface WarmSummary {
  readonly done: number;
  readonly stored: number;
  readonly hits: number;
  /** Broken off, or answered with 400 or more. */
  readonly failed: number;
}

/** As browsers send it over TLS, which in most places a proxy has ended before: so that what is stored is what they
 * select. */
const BROWSERS_CODINGS = "gzip, deflate, br, zstd";

const EXPECTED_URL = 'a URL or a path such as "/reports/7", without a user';

/**
 * @throws {DiskCacheError} `ERR_DISKCACHE_SERVER`, `ERR_DISKCACHE_OPTION`, `ERR_DISKCACHE_CLOSED`; what `signal` was
 * aborted with
 */
export async function refreshPage(cache: Warmed, url: string, options: RefreshOptions = {}): Promise<WarmedPage> {
  cache.assertOpen();
  return ask(cache, url, refreshOptions(options), true);
}

/**
 * @throws {DiskCacheError} `ERR_DISKCACHE_SERVER`, `ERR_DISKCACHE_OPTION`, `ERR_DISKCACHE_CLOSED`; what `signal` was
 * aborted with
 */
export async function warmPages(
  cache: Warmed,
  urls: Iterable<string> | AsyncIterable<string>,
  given: WarmOptions = {},
): Promise<WarmSummary> {
  cache.assertOpen();
  const options = warmOptions(given);
  const { concurrency, onProgress } = options;
  if (!isSource(urls)) throw optionError("urls", "a list of URLs or paths", urls);
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
    // Whatever failed, the others start no new request.
    progress.over = true;
  }
  return summary;
}

async function ask(cache: object, url: string, options: RefreshOptions, reload: boolean): Promise<WarmedPage> {
  const { signal, headers = {} } = options;
  signal?.throwIfAborted();
  const { server, host, encrypted, target } = addressed(cache, url, options.server);
  const named = Object.keys(headers).some((name) => name.toLowerCase() === "accept-encoding");
  const codings = named ? [] : ["Accept-Encoding", BROWSERS_CODINGS];
  const rawHeaders = ["Host", host, ...codings, ...Object.entries(headers).flat()];
  let kept: Promise<boolean> | undefined;
  const prepare = (req: IncomingMessage): void => markOwn(req, reload, (keeping) => void (kept = keeping));
  const { status, cacheStatus } = await sendOwn({ server, target, rawHeaders, encrypted, signal, prepare });
  signal?.throwIfAborted();
  // For a body that is streamed, the field says only that it is being stored.
  const stored = /; *storing\b/.test(cacheStatus) ? await kept : /; *stored\b/.test(cacheStatus);
  return { url, status, stored: status !== undefined && stored === true, hit: /diskcache; *hit\b/.test(cacheStatus) };
}

function addressed(cache: object, url: string, given: AnyServer | undefined) {
  const known = knownServer(cache);
  const server = given ?? known?.server;
  if (server === undefined) {
    throw new DiskCacheError(
      "ERR_DISKCACHE_SERVER",
      "no server is known yet: pass `{ server }`, or call it after the first request",
    );
  }
  if (typeof url !== "string") throw optionError("url", EXPECTED_URL, url);
  if (/^https?:/i.test(url)) {
    const { host, protocol, username, password, pathname, search } = parsed(url, url);
    if (username !== "" || password !== "") throw optionError("url", EXPECTED_URL, url);
    return { server, host, encrypted: protocol === "https:", target: pathname + search };
  }
  if (!url.startsWith("/")) throw optionError("url", EXPECTED_URL, url);
  const { pathname, search } = parsed(`http://host${url}`, url);
  if (known?.host === undefined)
    throw new DiskCacheError("ERR_DISKCACHE_SERVER", `no host is known yet for ${url}: pass the whole URL`);
  return { server, host: known.host, encrypted: known.encrypted, target: pathname + search };
}

// As a browser would send it: characters that a request target may not contain are encoded.
function parsed(url: string, given: string): URL {
  try {
    return new URL(url);
  } catch {
    throw optionError("url", EXPECTED_URL, given);
  }
}

function isSource(urls: unknown): boolean {
  return typeof urls === "object" && urls !== null && (Symbol.asyncIterator in urls || Symbol.iterator in urls);
}

/* The options of `warm` and `refresh`, and their only validation. */

export interface RefreshOptions {
  /** The server to send the request through. Without it, the one that the first request came by. */
  readonly server?: AnyServer;
  /**
   * Header fields of the request, beside `Host`: those that select the page, such as `Accept-Language` or
   * `X-Forwarded-Proto`. `Accept-Encoding` is that of browsers, unless it is named here.
   */
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

/** The result for one page. */
export interface WarmedPage {
  readonly url: string;
  /** `undefined` when the answer was broken off. */
  readonly status: number | undefined;
  /** It was rendered and kept. */
  readonly stored: boolean;
  /** It was there already. */
  readonly hit: boolean;
}

const CONCURRENCY = 4;
const REFRESH_NAMES = ["server", "headers", "signal"] as const satisfies (keyof RefreshOptions)[];
const WARM_NAMES = [...REFRESH_NAMES, "concurrency", "onProgress"] as const satisfies (keyof WarmOptions)[];

/** @throws {DiskCacheError} `ERR_DISKCACHE_OPTION` naming the option, the value and what was expected */
function refreshOptions(given: RefreshOptions): RefreshOptions {
  optionsOf("refresh", given, new Set(REFRESH_NAMES));
  return checked("refresh", given);
}

/** @throws {DiskCacheError} `ERR_DISKCACHE_OPTION` naming the option, the value and what was expected */
function warmOptions(given: WarmOptions): WarmOptions & { readonly concurrency: number } {
  optionsOf("warm", given, new Set(WARM_NAMES));
  const { concurrency = CONCURRENCY, onProgress } = given;
  if (!Number.isSafeInteger(concurrency) || concurrency < 1)
    throw optionError("warm.concurrency", "a whole number above 0", concurrency);
  if (onProgress !== undefined && typeof onProgress !== "function")
    throw optionError("warm.onProgress", "a function", onProgress);
  return { ...checked("warm", given), concurrency };
}

function checked<Options extends RefreshOptions>(at: string, options: Options): Options {
  const { server, headers, signal } = options as { readonly [Name in keyof RefreshOptions]: unknown };
  if (server !== undefined && !has(server, "emit"))
    throw optionError(`${at}.server`, "a server of node:http or node:http2", server);
  if (headers !== undefined && !isFields(headers))
    throw optionError(`${at}.headers`, "an object of names and strings", headers);
  if (signal !== undefined && !has(signal, "throwIfAborted"))
    throw optionError(`${at}.signal`, "the signal of an AbortController", signal);
  return options;
}

function has(value: unknown, method: string): boolean {
  return typeof (value as Partial<Record<string, unknown>> | null)?.[method] === "function";
}

function isFields(value: unknown): boolean {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return false;
  return Object.values(value).every((field) => typeof field === "string");
}
