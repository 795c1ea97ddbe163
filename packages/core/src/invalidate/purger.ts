/** Purges over HTTP, for clients that know a token: decides on one request and says what to answer. Knows neither
 * sockets nor frameworks; reveals nothing without the token. */
import { createHash, timingSafeEqual } from "node:crypto";
import { DiskCacheError, optionError } from "../base/errors.js";
import { hasStar } from "./purge-target.js";
import type { PurgeCount } from "./purge-target.js";

/** Which clients may purge over HTTP. */
export interface PurgerOptions {
  /** What a request has to bring as `Authorization: Bearer <token>`: 16 visible ASCII characters or more, such as
   * `openssl rand -hex 32` prints. With a list each of its tokens is valid, so that a token can be changed without a
   * gap. */
  readonly token: string | readonly string[];
}

/** A request to purge, as an adapter sees it. */
export interface PurgeRequest {
  readonly method: string;
  /** The field value as it came. */
  readonly authorization: string | undefined;
  /** The content: its text, or what a parser before it has made of it. Read only for clients that may purge. Rejects
   * with a `RangeError` when it is longer than `MAX_PURGE_CONTENT_BYTES`. */
  readonly content: () => Promise<unknown>;
}

/** What to answer. */
export interface PurgeAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  /** JSON; `undefined` for no content. */
  readonly body: string | undefined;
}

/** Longest content of a request to purge. */
export const MAX_PURGE_CONTENT_BYTES = 65_536;

const LEAST_TOKEN_CHARACTERS = 16;
const TOKEN = /^[\x21-\x7e]+$/;
const OPTION_NAMES: ReadonlySet<string> = new Set(["token"] satisfies (keyof PurgerOptions)[]);

/** @param purge does what the content says
 * @throws {DiskCacheError} `ERR_DISKCACHE_OPTION` for a token that could be guessed; the message does not show it */
export function purger(
  given: PurgerOptions,
  purge: (target: object) => Promise<PurgeCount | void>,
): (request: PurgeRequest) => Promise<PurgeAnswer> {
  const digests = tokensOf(given).map(digestOf);
  return async ({ method, authorization, content }) => {
    if (!isKnown(digests, authorization)) return UNAUTHORIZED;
    if (method !== "POST") return NOT_POST;
    try {
      const count = await purge(targetOf(await content()));
      return count ? answer(200, count) : DONE;
    } catch (error) {
      return failure(error);
    }
  };
}

// Digests have the same length, and each is compared in full, whichever matches.
function isKnown(digests: readonly Buffer[], authorization: string | undefined): boolean {
  const [, token] = /^Bearer +(\S+) *$/i.exec(authorization ?? "") ?? [];
  const digest = digestOf(token ?? "");
  let known = false;
  for (const expected of digests) known = timingSafeEqual(digest, expected) || known;
  return token !== undefined && known;
}

function digestOf(token: string): Buffer {
  return createHash("sha256").update(token, "utf8").digest();
}

function tokensOf(given: PurgerOptions): readonly string[] {
  const options: Partial<Record<string, unknown>> = typeof given === "object" && given !== null ? { ...given } : {};
  const unknown = Object.keys(options).find((name) => !OPTION_NAMES.has(name));
  if (unknown !== undefined) throw optionError(`purger.${unknown}`, "only `token`", unknown);
  const tokens: readonly unknown[] = Array.isArray(options["token"]) ? options["token"] : [options["token"]];
  if (tokens.length === 0) throw optionError("purger.token", "one token at least", tokens);
  return tokens.map((token) => {
    if (typeof token !== "string") throw optionError("purger.token", "a string, or a list of them", token);
    if (token.length < LEAST_TOKEN_CHARACTERS || !TOKEN.test(token)) {
      const expected = `${LEAST_TOKEN_CHARACTERS} visible ASCII characters or more, such as \`openssl rand -hex 32\` prints`;
      throw optionError("purger.token", expected, `a token of ${token.length} characters`);
    }
    return token;
  });
}

// What it names is checked by the purge itself. An application may find nothing to purge; a request over HTTP that
// names nothing is a mistake.
function targetOf(content: unknown): object {
  const target: unknown = typeof content === "string" ? JSON.parse(content) : content;
  if (typeof target !== "object" || target === null)
    throw optionError("purge", 'a JSON object such as {"tag":"report:7"}, or a list of them', target);
  if (Array.isArray(target) && target.length === 0) throw optionError("purge", "one target at least", target);
  for (const one of [target].flat()) refuseNothing(one);
  return target;
}

function refuseNothing(target: unknown): void {
  const { tags, path, url } = (target ?? {}) as { readonly [name: string]: unknown };
  if (Array.isArray(tags) && tags.length === 0) throw optionError("purge.tags", "one tag at least", tags);
  if (Array.isArray(path) && path.length === 0) throw optionError("purge.path", "one pattern at least", path);
  if (typeof url === "string" && hasStar(url))
    throw optionError("purge.url", `a URL; {"path":${JSON.stringify(url.slice(0, 80))}} is a pattern`, url);
}

function failure(error: unknown): PurgeAnswer {
  if (error instanceof SyntaxError) return answer(400, { error: "the content is not JSON" });
  if (error instanceof RangeError) return answer(413, { error: "the content is too long" });
  // It broke off, or cannot be read in another way.
  if (!(error instanceof DiskCacheError)) return answer(400, { error: "the content cannot be read" });
  const { code, message } = error;
  if (code === "ERR_DISKCACHE_OPTION") return answer(400, { error: message });
  // Where the directory is, and what is wrong with it, goes to the log and not to a client.
  return answer(503, { error: code });
}

function answer(status: number, body?: object, more?: Readonly<Record<string, string>>): PurgeAnswer {
  const json = body && { "Content-Type": "application/json" };
  return {
    status,
    headers: Object.freeze({ "Cache-Control": "no-store", ...json, ...more }),
    body: body && JSON.stringify(body),
  };
}

const DONE = answer(204);
const UNAUTHORIZED = answer(401, { error: "a token is needed" }, { "WWW-Authenticate": 'Bearer realm="diskcache"' });
const NOT_POST = answer(405, { error: "purges are asked for with POST" }, { Allow: "POST" });
