/** What a handler may say about its own response while it makes it: `req.diskCache`, `ctx.diskCache`. Collected here,
 * decided on when the response begins. */
import { ResponseHoles } from "../features/holes/holes.js";
import type { Holes } from "../features/holes/holes.js";
import type { StoredHoles } from "../stored/stored-response.js";
import type { Fragments } from "../features/fragments/fragments.js";
import type { FragmentOptions, InsideFragment, VaryOn } from "../features/fragments/fragment-options.js";
import { holeError } from "../base/errors.js";
import { durationSeconds } from "../base/units.js";
import type { Duration } from "../base/units.js";

interface Rooms {
  readonly fragments: Fragments;
  readonly holes: Holes;
}

const NONE: readonly string[] = Object.freeze([]);

// Most handlers say nothing, and thousands of responses may be under way: memory is allocated only when one does.
export class HandlerDirectives {
  /** Whether the cache itself makes this request, to refresh a page that is stale or soon will be: no client gets this
   * answer. */
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
  /** Those of the exchange that answers in place of this one. */
  #heir: HandlerDirectives | undefined;

  constructor(rooms: Rooms, refresh = false) {
    this.#rooms = rooms;
    this.refresh = refresh;
  }

  /** The current ones; labels that are added later appear in the same array. */
  get tags(): readonly string[] {
    return (this.#tags ??= []);
  }

  /** The page's holes: none can be added once the head is sent.
   * @returns `undefined` when there are none */
  sealHoles(): StoredHoles | undefined {
    this.#sealed = true;
    return this.#holes?.seal();
  }

  /** Takes over what was said to another one about the same response, and what will be. */
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

  /** For a response that the cache does not see, and so cannot fill.
   * @throws {DiskCacheError} `ERR_DISKCACHE_HOLE` when it has holes */
  assertPlain(): void {
    if (this.sealHoles() !== undefined) throw holeError("a body of this kind cannot be filled");
  }

  /** Stores this response for this long, whatever its `Cache-Control` says to the browser; `private` and `no-store`
   * still win.
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

  /** Does not store this response. The reason shows in `Cache-Status`, or, said while the body is being written, in the
   * `not-stored` event alone.
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

  /** Says whose page this turned out to be. The next request for it is known only by the `partition` of the options, a
   * rule or the route, so the page is stored only where one of them has said the same for this request; otherwise it
   * is not stored, and `Cache-Status` says `partition`.
   * @example if (article.audience === "staff") req.diskCache.partition("staff") */
  partition(value: string): this {
    this.partitions = [...this.partitions, value];
    this.#heir?.partition(value);
    return this;
  }

  /** The placeholder for what `cache.hole(name, …)` fills in for each client: the same text wherever the page has this
   * hole, in a header field as well.
   * @throws {DiskCacheError} `ERR_DISKCACHE_HOLE` when nothing fills it, or the response has begun
   * @example res.send(`<input type="hidden" name="csrf" value="${req.diskCache.hole("csrf")}">`) */
  hole(name: string): string {
    return this.#responseHoles.marker(name);
  }

  /** A part of this page that is rendered once for all requests, in every process, and stored beside the pages. The
   * page takes on its tags, so that one purge removes both.
   * @param varyOn what the fragment varies on: a text, a number, …, or several
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
