/** What a handler may say about its own response while it makes it: `req.diskCache`, `ctx.diskCache`. Collected here, decided on when the response begins. */
import { ResponseHoles } from "../holes/response-holes.js";
import type { Holes } from "../holes/holes.js";
import type { StoredHoles } from "../stored/stored-response.js";
import type { Fragments } from "../fragments/fragments.js";
import type { FragmentOptions, InsideFragment, VaryOn } from "../fragments/fragment-options.js";
import { holeError } from "../base/errors.js";
import { durationSeconds } from "../base/units.js";
import type { Duration } from "../base/units.js";

interface Rooms {
  readonly fragments: Fragments;
  readonly holes: Holes;
}

const NONE: readonly string[] = Object.freeze([]);

// Most handlers say nothing, and thousands of responses may be in the making: what is said takes room only when it is.
export class HandlerDirectives {
  /** Whether the cache itself asks, to render a page anew behind a stale one or before anybody comes: nobody looks at this answer. */
  readonly refresh: boolean;
  /** Seconds; wins over the response's own freshness. */
  ttlSeconds: number | undefined;
  skipReason: string | undefined;
  varyFields: readonly string[] = NONE;
  partitions: readonly string[] = NONE;
  readonly #rooms: Rooms;
  #tags: string[] | undefined;
  #holes: ResponseHoles | undefined;
  #sealed = false;
  /** Those of the exchange that answers in the place of this one. */
  #heir: HandlerDirectives | undefined;

  constructor(rooms: Rooms, refresh = false) {
    this.#rooms = rooms;
    this.refresh = refresh;
  }

  /** Those of now; the same array takes on what is said later. */
  get tags(): readonly string[] {
    return (this.#tags ??= []);
  }

  /** Where the page has holes: from the head on there are no others.
   * @returns `undefined` when there are none */
  sealHoles(): StoredHoles | undefined {
    this.#sealed = true;
    return this.#holes?.seal();
  }

  /** Takes on what was said to another one about the same response, and what will be. */
  adopt(other: HandlerDirectives): void {
    other.#heir = this;
    this.ttlSeconds = other.ttlSeconds;
    this.skipReason = other.skipReason;
    this.tag(...other.tags);
    this.varyFields = [...this.varyFields, ...other.varyFields];
    this.partitions = [...this.partitions, ...other.partitions];
    this.#holes = other.#responseHoles;
  }

  /** Whether a text has a hole of this page in it. */
  marks(bytes: Buffer): boolean {
    return this.#holes?.marks(bytes) ?? false;
  }

  /** For a response that the cache is not shown, and so cannot fill.
   * @throws {DiskCacheError} `ERR_DISKCACHE_HOLE` when it has holes */
  assertPlain(): void {
    if (this.sealHoles() !== undefined) throw holeError("a body of this kind cannot be filled");
  }

  /** Keeps this response for so long, whatever its `Cache-Control` tells the browser; `private` and `no-store` still win.
   * @throws {DiskCacheError} `ERR_DISKCACHE_OPTION` when not a duration
   * @example req.diskCache.ttl("10m") */
  ttl(duration: Duration): this {
    this.ttlSeconds = durationSeconds("ttl", duration);
    this.#heir?.ttl(duration);
    return this;
  }

  /** Labels the response, so that `purge({ tag })` finds it.
   * @example req.diskCache.tag("article:7", "front-page") */
  tag(...tags: readonly string[]): this {
    (this.#tags ??= []).push(...tags);
    this.#heir?.tag(...tags);
    return this;
  }

  /** Does not keep this response. The reason shows in `Cache-Status`.
   * @example if (req.query.preview) req.diskCache.skip("preview") */
  skip(reason = "skip"): this {
    this.skipReason = reason;
    this.#heir?.skip(reason);
    return this;
  }

  /** Says that the answer depends on these request header fields, as `Vary` does, and adds them to it.
   * @example req.diskCache.vary("accept-language") */
  vary(...fields: readonly string[]): this {
    this.varyFields = [...this.varyFields, ...fields.map((field) => field.toLowerCase())];
    this.#heir?.vary(...fields);
    return this;
  }

  /** Says whose page this turned out to be. Who asks for it next is known only by the `partition` of the options, a rule or the route, so the page is kept only where one of them has said the same for this request; otherwise it is not kept, and `Cache-Status` says `partition`.
   * @example if (article.audience === "staff") req.diskCache.partition("staff") */
  partition(value: string): this {
    this.partitions = [...this.partitions, value];
    this.#heir?.partition(value);
    return this;
  }

  /** What stands in the page where `cache.hole(name, …)` fills something in for each client: the same text wherever the page has this hole, in a header field as well.
   * @throws {DiskCacheError} `ERR_DISKCACHE_HOLE` when nothing fills it, or the response has begun
   * @example res.send(`<input type="hidden" name="csrf" value="${req.diskCache.hole("csrf")}">`) */
  hole(name: string): string {
    return this.#responseHoles.marker(name);
  }

  /** A part of this page that is made once for all who ask, in every process, and kept beside the pages. The page takes on its tags, so that one purge ends both.
   * @param varyOn what the fragment differs by: a text, a number, …, or several
   * @throws {DiskCacheError} rejects with `ERR_DISKCACHE_OPTION`, or with what `render` throws; then nothing is stored
   * @throws {TypeError} rejects with `ERR_DISKCACHE_VALUE` when `render` gives neither a text nor a Buffer
   * @example const sidebar = await req.diskCache.fragment("sidebar", language, { ttl: "1h", tags: ["news"] }, () => renderSidebar(language)); */
  fragment<Output extends string | Buffer>(
    name: string,
    varyOn: VaryOn,
    options: FragmentOptions | Duration,
    render: (inside: InsideFragment) => Output | Promise<Output>,
  ): Promise<Output> {
    return this.#rooms.fragments.of(this)(name, varyOn, options, render);
  }

  get #responseHoles(): ResponseHoles {
    this.#holes ??= new ResponseHoles(this.#rooms.holes);
    if (this.#sealed) this.#holes.seal();
    return this.#holes;
  }
}
