/**
 * Has pages rendered before a client asks for them, and again after they have changed: by requests of the cache's own,
 * a bounded number at a time.
 */
import { DiskCacheError, optionError, optionsOf } from "@diskcache/core";
import { markOwn, sendOwn } from "./refresh.js";
import { knownServer } from "./server.js";
import type { AnyServer } from "./server.js";
import type { OwnAnswer } from "./stand-in-socket.js";

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

/** How a request of the cache's own reaches the application. */
export interface OwnWay {
  /** Of the first request that came, for pages that are named by their path. */
  readonly host: string | undefined;
  readonly encrypted: boolean;
  send(page: OwnPage): Promise<OwnAnswer>;
}

/** A page that is to be rendered. */
export interface OwnPage {
  readonly target: string;
  readonly host: string;
  readonly encrypted: boolean;
  /** Header fields, `Host` among them. */
  readonly rawHeaders: readonly string[];
  readonly signal: AbortSignal | undefined;
  /** Whether it is rendered whatever is stored. */
  readonly reload: boolean;
  /** Called when the application is asked, with whether its response will be stored. */
  readonly keeping: (kept: Promise<boolean>) => void;
}

/** As browsers send it over TLS, which in most places a proxy has ended before: so that what is stored is what they
 * select. */
const BROWSERS_CODINGS = "gzip, deflate, br, zstd";

const EXPECTED_URL = 'a URL or a path such as "/reports/7", without a user';

/**
 * @param way for applications that are reached without a server
 * @throws {DiskCacheError} `ERR_DISKCACHE_SERVER`, `ERR_DISKCACHE_OPTION`, `ERR_DISKCACHE_CLOSED`; what `signal` was
 * aborted with
 */
export async function refreshPage(
  cache: Warmed,
  url: string,
  options: RefreshOptions = {},
  way?: OwnWay,
): Promise<WarmedPage> {
  cache.assertOpen();
  return ask(cache, url, refreshOptions(options), true, way);
}

/**
 * @param way for applications that are reached without a server
 * @throws {DiskCacheError} `ERR_DISKCACHE_SERVER`, `ERR_DISKCACHE_OPTION`, `ERR_DISKCACHE_CLOSED`; what `signal` was
 * aborted with
 */
export async function warmPages(
  cache: Warmed,
  urls: Iterable<string> | AsyncIterable<string>,
  given: WarmOptions = {},
  way?: OwnWay,
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
      const page = await ask(cache, value, options, false, way);
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

async function ask(
  cache: object,
  url: string,
  options: RefreshOptions,
  reload: boolean,
  given: OwnWay | undefined,
): Promise<WarmedPage> {
  const { signal, headers = {} } = options;
  signal?.throwIfAborted();
  const way = wayOf(cache, options.server, given);
  const { host, encrypted, target } = addressed(way, url);
  const named = Object.keys(headers).some((name) => name.toLowerCase() === "accept-encoding");
  const codings = named ? [] : ["Accept-Encoding", BROWSERS_CODINGS];
  const rawHeaders = ["Host", host, ...codings, ...Object.entries(headers).flat()];
  let kept: Promise<boolean> | undefined;
  const keeping = (keeps: Promise<boolean>): void => void (kept = keeps);
  const { status, cacheStatus } = await way.send({ target, host, encrypted, rawHeaders, signal, reload, keeping });
  signal?.throwIfAborted();
  // For a body that is streamed, the field says only that it is being stored.
  const stored = /; *storing\b/.test(cacheStatus) ? await kept : /; *stored\b/.test(cacheStatus);
  return { url, status, stored: status !== undefined && stored === true, hit: /diskcache; *hit\b/.test(cacheStatus) };
}

// A server knows more of the application than the function that it calls.
function wayOf(cache: object, server: AnyServer | undefined, given: OwnWay | undefined): OwnWay {
  const known = knownServer(cache);
  const by = server ?? known?.server;
  if (by !== undefined)
    return { host: known?.host ?? given?.host, encrypted: known?.encrypted === true, send: serverWay(by) };
  if (given !== undefined) return given;
  throw new DiskCacheError(
    "ERR_DISKCACHE_SERVER",
    "no server is known yet: pass `{ server }`, or call it after the first request",
  );
}

function serverWay(server: AnyServer): OwnWay["send"] {
  return ({ target, encrypted, rawHeaders, signal, reload, keeping }) =>
    sendOwn({ server, target, rawHeaders, encrypted, signal, prepare: (req) => markOwn(req, reload, keeping) });
}

function addressed(way: OwnWay, url: string) {
  if (typeof url !== "string") throw optionError("url", EXPECTED_URL, url);
  if (/^https?:/i.test(url)) {
    const { host, protocol, username, password, pathname, search } = parsed(url, url);
    if (username !== "" || password !== "") throw optionError("url", EXPECTED_URL, url);
    return { host, encrypted: protocol === "https:", target: pathname + search };
  }
  if (!url.startsWith("/")) throw optionError("url", EXPECTED_URL, url);
  const { pathname, search } = parsed(`http://host${url}`, url);
  if (way.host === undefined)
    throw new DiskCacheError("ERR_DISKCACHE_SERVER", `no host is known yet for ${url}: pass the whole URL`);
  return { host: way.host, encrypted: way.encrypted, target: pathname + search };
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
