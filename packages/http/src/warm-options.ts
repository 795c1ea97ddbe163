/** How pages are warmed up, and the one place where that is checked. */
import { optionError, optionsOf } from "@diskcache/core";
import type { AnyServer } from "./server.js";

export interface RefreshOptions {
  /** The server to send the request through. Without it, the one that the first request came by. */
  readonly server?: AnyServer;
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

const CONCURRENCY = 4;
const REFRESH_NAMES = ["server", "headers", "signal"] as const satisfies (keyof RefreshOptions)[];
const WARM_NAMES = [...REFRESH_NAMES, "concurrency", "onProgress"] as const satisfies (keyof WarmOptions)[];

/** @throws {DiskCacheError} `ERR_DISKCACHE_OPTION` naming the option, the value and what was expected */
export function refreshOptions(given: RefreshOptions): RefreshOptions {
  optionsOf("refresh", given, new Set(REFRESH_NAMES));
  return checked("refresh", given);
}

/** @throws {DiskCacheError} `ERR_DISKCACHE_OPTION` naming the option, the value and what was expected */
export function warmOptions(given: WarmOptions): WarmOptions & { readonly concurrency: number } {
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
