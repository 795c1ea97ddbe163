/** Holes: places in a page that are filled for each client when it is sent. What is stored is only ever cut and
 * joined, never parsed as anything else. */
import { randomBytes } from "node:crypto";
import { holeError, hookError, internalError } from "../../base/errors.js";
import type { DiskCacheError } from "../../base/errors.js";
import type { RawHeaders } from "../../base/exchange.js";
import type { Observer } from "../../base/observer.js";
import { fieldLines, listMembers, withField, withoutFields } from "../../http/fields.js";
import { isToken } from "../../options/option-checks.js";
import type { OutgoingResponse } from "../../stored/outgoing.js";
import { NO_OUTER_FIELDS } from "../../stored/stored-response.js";
import type { StoredHoles } from "../../stored/stored-response.js";
import { cut, join, markerOf } from "./cut.js";
import type { Cut } from "./cut.js";

/** Makes what goes into a hole for one client. */
type Filler = (native: unknown) => unknown;

/** A page with its holes. */
export interface PageToFill {
  readonly response: Omit<OutgoingResponse, "kind" | "body" | "refresh">;
  readonly body: Buffer;
  readonly holes: StoredHoles;
  /** What is sent of it: for HEAD only its length, or where that is unknown, nothing; with some statuses nothing
   * either. */
  readonly sent: "content" | "length" | "nothing";
}

/** What a field should hold (RFC 9110 §5.5). */
const FIELD_VALUE = /^[\t\x20-\x7e]*$/;

export class Holes {
  readonly #observer: Observer;
  readonly #fillers = new Map<string, Filler>();
  /** Of bodies in memory. */
  readonly #cuts = new WeakMap<Buffer, Cut>();

  constructor(observer: Observer) {
    this.#observer = observer;
  }

  /** @throws {DiskCacheError} `ERR_DISKCACHE_HOLE` */
  register(name: string, filler: Filler): void {
    if (!isToken(name)) throw holeError(`\`${name}\` is no name for a hole: letters, digits, "-", "_", "."`);
    if (typeof filler !== "function") throw holeError(`\`${name}\` needs a function that fills it`);
    this.#fillers.set(name, filler);
  }

  /** Whether pages of this cache may have any. */
  get any(): boolean {
    return this.#fillers.size > 0;
  }

  /** Whether all of them can be filled here. */
  fills(names: readonly string[]): boolean {
    return names.every((name) => this.#fillers.has(name));
  }

  /** The page for one client; `undefined` when a hole could not be filled, which is reported.
   * @param native what the framework passed in for the client's request; `undefined` for a request of the cache's own,
   * whose answer no client gets */
  async fillIn({ response, body, holes, sent }: PageToFill, native: unknown): Promise<OutgoingResponse | undefined> {
    try {
      const cutBody = this.#cut(body, holes);
      const texts = personalFields(response.headers);
      const marked = texts
        .filter((text) => text.includes(holes.token))
        .map((text) => [text, cutText(text, holes)] as const);
      const asked = new Set([cutBody, ...marked.map(([, line]) => line)].flatMap(({ names }) => names));
      const values = native === undefined ? new Map<string, string>() : await this.#values([...asked], native);
      const lines = new Map(marked.map(([text, line]) => [text, fieldText(line, values)]));
      const headers = texts.map((text) => lines.get(text) ?? text);
      const filled = join(cutBody, values);
      if (sent !== "nothing") headers.push("Content-Length", String(filled.length));
      return { ...response, kind: "hit", headers, body: sent === "content" ? filled : undefined, refresh: undefined };
    } catch (thrown) {
      this.#observer.error(told(thrown));
      return undefined;
    }
  }

  #cut(body: Buffer, holes: StoredHoles): Cut {
    let known = this.#cuts.get(body);
    if (known === undefined) this.#cuts.set(body, (known = cut(body, holes)));
    return known;
  }

  async #values(names: readonly string[], native: unknown): Promise<Map<string, string>> {
    return new Map(await Promise.all(names.map(async (name) => [name, await this.#value(name, native)] as const)));
  }

  async #value(name: string, native: unknown): Promise<string> {
    const filler = this.#fillers.get(name);
    if (filler === undefined) throw holeError(`nothing fills \`${name}\``);
    try {
      const value = await filler(native);
      if (typeof value !== "string") throw new TypeError(`expected a string, got ${typeof value}`);
      return value;
    } catch (cause) {
      throw hookError(`hole ${name}`, cause);
    }
  }
}

/** When a page that the handler has just made cannot be filled: the client gets no page rather than one with markers
 * in it. */
export function unfilled(cacheStatus: string): OutgoingResponse {
  const text = Buffer.from("Internal Server Error");
  return {
    kind: "hit",
    status: 500,
    statusText: "",
    headers: [
      "Content-Type",
      "text/plain; charset=utf-8",
      "Cache-Control",
      "no-store",
      "Cache-Status",
      cacheStatus,
      "Content-Length",
      String(text.length),
    ],
    body: text,
    outer: NO_OUTER_FIELDS,
    refresh: undefined,
  };
}

// As Node has fields: one byte per character.
function cutText(text: string, holes: StoredHoles): Cut {
  return cut(Buffer.from(text, "latin1"), holes);
}

function fieldText(line: Cut, values: ReadonlyMap<string, string>): string {
  const wrong = line.names.find((name) => !FIELD_VALUE.test(values.get(name) ?? ""));
  if (wrong !== undefined) throw holeError(`what fills \`${wrong}\` cannot stand in a header field`);
  return join(line, values).toString("latin1");
}

function told(thrown: unknown): DiskCacheError {
  return thrown instanceof Error && "code" in thrown ? (thrown as DiskCacheError) : internalError("holes", thrown);
}

/* The fields of a page whose holes are filled: it is one client's now, and a different one each time. */

// What identifies a version of the page, or offers parts of it, is about the page with its holes.
const OF_THE_STORED: ReadonlySet<string> = new Set([
  "etag",
  "last-modified",
  "accept-ranges",
  "content-length",
  "content-md5",
  "digest",
  "content-digest",
  "repr-digest",
  "surrogate-control",
]);

/** For shared caches: they must not store it, whatever the stored page may say. */
const FOR_SHARED_CACHES = /^(?:public|s-maxage|proxy-revalidate|private)(?:=|$)/i;
const TARGETED = /^.+-cache-control$/i;

/** Without what no longer holds, and `private`: no cache between here and the client may answer another client with
 * it. */
export function personalFields(raw: RawHeaders): string[] {
  const kept = withoutFields(raw, OF_THE_STORED);
  const fields: string[] = [];
  for (let index = 0; index < kept.length; index += 2)
    if (!TARGETED.test(kept[index]!)) fields.push(kept[index]!, kept[index + 1]!);
  const directives = listMembers(fieldLines(fields, "cache-control")).filter((one) => !FOR_SHARED_CACHES.test(one));
  return withField(fields, "Cache-Control", ["private", ...directives].join(", "));
}

/* The holes of one response while it is made: a marker stands for each in what the handler writes. */

const MOST_HOLES = 256;

export class ResponseHoles {
  readonly #holes: Holes;
  readonly #names: string[] = [];
  #token: string | undefined;
  #sealed = false;

  constructor(holes: Holes) {
    this.#holes = holes;
  }

  /** The marker of a hole: the same for the same name, so that a header field and the body agree.
   * @throws {DiskCacheError} `ERR_DISKCACHE_HOLE` when nothing would fill it, or the response has begun */
  marker(name: string): string {
    if (!this.#holes.fills([name])) throw holeError(`nothing fills \`${name}\`: register it with cache.hole()`);
    let index = this.#names.indexOf(name);
    if (index === -1) {
      if (this.#sealed) throw holeError(`\`${name}\` came after the response had begun`);
      if (this.#names.length === MOST_HOLES) throw holeError(`a page has at most ${MOST_HOLES} holes`);
      index = this.#names.push(name) - 1;
    }
    this.#token ??= randomBytes(16).toString("hex");
    return markerOf(this.#token, index);
  }

  /** The response begins: from now on no holes can be added.
   * @returns `undefined` when there are none */
  seal(): StoredHoles | undefined {
    this.#sealed = true;
    return this.#token === undefined ? undefined : { token: this.#token, names: this.#names };
  }

  /** Whether a marker of this response is in some other text. */
  marks(bytes: Buffer): boolean {
    return this.#token !== undefined && bytes.includes(this.#token);
  }
}
