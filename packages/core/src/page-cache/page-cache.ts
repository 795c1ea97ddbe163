/** The object that users hold and adapters drive: connects the rooms and decides nothing about HTTP. */
import { Answering } from "./answering.js";
import type { Outcome } from "./answering.js";
import type { CacheContext } from "./context.js";
import { openContext } from "./open-context.js";
import { closedError } from "../base/errors.js";
import type { RawHeaders, RequestHead } from "../base/exchange.js";
import { explain, storedEntry } from "./explain.js";
import type { Explanation } from "./explain.js";
import type { FragmentOptions, InsideFragment, VaryOn } from "../features/fragments/fragment-options.js";
import type { Forward } from "../forward/forward.js";
import { namesBehind } from "../forward/report.js";
import { isCounted, isSoft, purgeSelectors, wholeTarget } from "../invalidate/purge-target.js";
import type { PurgeCount, PurgeOptions, Purges, PurgeTarget, PurgeTargets } from "../invalidate/purge-target.js";
import { purger } from "../invalidate/purger.js";
import type { PurgeAnswer, PurgeRequest, PurgerOptions } from "../invalidate/purger.js";
import { purgesOf } from "../invalidate/unsafe-method.js";
import { isAskedByContent } from "../key/page-key.js";
import { withoutIgnoredCookies } from "../key/cookies.js";
import { identified } from "../key/credentials.js";
import { decide } from "../lookup/decide.js";
import type { Question } from "../lookup/decide.js";
import { BesidePages } from "../features/low-level/beside-pages.js";
import type { MemoizeOptions } from "../features/low-level/memoize.js";
import type { MaybeAsync } from "../base/async.js";
import type { CacheEvents } from "../base/events.js";
import type { CacheCounters } from "../base/observer.js";
import type { PageCacheOptions } from "../options/options.js";
import type { CachePolicy } from "../options/policy-options.js";
import { asksApplication, resolvePolicy } from "../options/resolve-policy.js";
import type { ResolvedPolicy, WholePolicy } from "../options/resolve-policy.js";
import type { OutgoingResponse } from "../stored/outgoing.js";
import { isStoredResponse } from "../stored/stored-value.js";
import type { PathSelector, PurgeSelector, StoreStats } from "../store/contract.js";
import { sameDirectory } from "../store/directory.js";
import type { Duration } from "../base/units.js";

/** Counters of this process, and the state of the directory as far as this process knows it. */
export type CacheStats = Readonly<CacheCounters> & StoreStats & WaitingStats;

interface WaitingStats {
  /** Requests that wait at the moment for a response that another request began. */
  readonly waiting: number;
}

/** How an adapter asks. */
export interface HandleOptions {
  /** The policy of a route, from `policy()`: merged into that of the cache. */
  readonly policy?: ResolvedPolicy;
  /** Refresh behind a stale response. */
  readonly refresh?: boolean;
  /** No client gets the answer: a request of the cache's own. The handler can see that (`diskCache.refresh`). Default:
   * as `refresh`. */
  readonly own?: boolean;
  /** Called, when the request is forwarded, with whether its response will be stored. Not called for a hit. */
  readonly keeping?: ((kept: Promise<boolean>) => void) | undefined;
  /** A forward of another cache on the same directory that the request is passing through: this cache answers in its
   * place, its own policy merged into the other's. */
  readonly around?: Forward;
}

/** A page cache, whatever the framework. `Req` is what the framework hands to a handler, and to the functions in the
 * options.
 * @example
 * const cache = new PageCache({ dir: ".cache/pages", ttl: "5m" });
 * await cache.purge("/reports/7"); */
export class PageCache<Req = unknown> {
  readonly #context: CacheContext;
  readonly #answering: Answering;
  readonly #values: BesidePages;
  #closed = false;

  /** @throws {DiskCacheError} `ERR_DISKCACHE_OPTION` for an unknown or wrong option; `ERR_DISKCACHE_DIRECTORY` with
   * `strict`; and what the function `store` throws */
  constructor(given: PageCacheOptions<Req>) {
    this.#context = openContext(given);
    const { options, observer } = this.#context;
    this.#values = new BesidePages(given as PageCacheOptions, options.enabled, (name, event) =>
      observer.inStore(name, event),
    );
    this.#answering = new Answering(this.#context, this.frontable);
  }

  /** Whether requests may be answered before the framework has run: not when the user's functions need what the
   * framework makes. */
  get frontable(): boolean {
    const { honourRequest, policy } = this.#context.options;
    return !asksApplication(policy) && typeof honourRequest !== "function";
  }

  /** Whether the content of a request is part of its key: the adapter reads it first and passes in its digest. */
  keysContent(request: RequestHead, policy?: ResolvedPolicy): boolean {
    const { method } = request;
    if (!isAskedByContent(method) || !this.active) return false;
    return this.#under(request, policy).methods.includes(method);
  }

  /** The fast path to a hit: a fresh page in memory, for a request like one that `handle` has answered with it. Reads
   * no more of the request than it is given.
   * @returns `undefined` decides nothing: then call `handle` */
  ready(method: string, target: string, scheme: string, rawHeaders: RawHeaders): OutgoingResponse | undefined {
    return this.#answering.ready(method, target, scheme, rawHeaders);
  }

  /** Whether the connection or middleware before the cache knows who sent a request: then `ready` may not be called.
   * @param native what the framework passes to handlers */
  knowsWhoAsks(native: unknown): boolean {
    return this.#context.options.credentials.areKnown(native);
  }

  /** Decides on a request. Synchronous unless the disk made it wait. Never throws, never rejects. */
  handle(
    request: RequestHead,
    native: Req,
    { policy, refresh = false, own = refresh, keeping, around }: HandleOptions = {},
  ): MaybeAsync<Outcome> {
    const question = { ...this.#question(request, native, policy), refresh, own, keeping };
    return around === undefined ? this.#answering.begin(question) : this.#answering.within(around, question);
  }

  /** A request has come through another cache on the same directory, and is under way: lays the policy of this one over
   * that forward, as a route does, where both ask for the same page.
   * @returns whether it did. Otherwise ask `handle`, with the option `around` */
  join(around: Forward, request: RequestHead, native: Req, policy?: ResolvedPolicy): boolean {
    return this.#answering.join(around, this.#question(request, native, policy));
  }

  /** Whether it handles requests at all: not when disabled, nor after `close()`. */
  get active(): boolean {
    return this.#context.options.enabled && !this.#closed;
  }

  /** Whether another cache stores its pages in the same directory, by whatever path, or was given the same `store`. */
  sharesDirectory(other: PageCache<never>): boolean {
    const [own, others] = [this.#context.options.place, other.#context.options.place];
    if (own.dir === undefined || others.dir === undefined) return own.store === others.store;
    return sameDirectory(own.dir, others.dir);
  }

  /** For an adapter that cannot work with the response of a request: counts and reports that the application
   * answers. */
  leftAlone(url: string, detail: string): void {
    this.#context.observer.forward(url, "bypass", detail);
  }

  /** Looks a request up before the framework has seen it: `undefined` when the application has to answer. */
  peek(request: RequestHead): MaybeAsync<OutgoingResponse | undefined> {
    return this.#answering.peek(this.#question(request, undefined));
  }

  /** A route's own policy, found while its request is on its way through the application.
   * @param contentDigest of a request whose content is part of the key only here
   * @returns a new outcome when the route's key differs: the forward under way then passes everything through */
  refine(forward: Forward, own: ResolvedPolicy, native: Req, contentDigest?: string): MaybeAsync<Outcome> | undefined {
    return this.#answering.refine(forward, own, native, contentDigest);
  }

  /** Checks a policy once, for `handle` and `refine`.
   * @throws {DiskCacheError} `ERR_DISKCACHE_OPTION` */
  policy(given: CachePolicy<Req> | Duration): ResolvedPolicy {
    const policy = resolvePolicy(given);
    this.#context.policies.addRoute(policy);
    return policy;
  }

  /** Purges stored responses, for every process that shares the directory. When it resolves, none of them is served
   * any more, nor any whose rendering had begun. It costs the same however many there are; with `count: true` it reads
   * the head of every stored page first, and resolves to how many of them it named.
   * @throws {DiskCacheError} rejects with `ERR_DISKCACHE_OPTION` when nothing is named, or something unknown,
   * `ERR_DISKCACHE_PURGE` when it could not be recorded, `ERR_DISKCACHE_STORE_IO` when it was, and a given store could
   * not be counted
   * @example await cache.purge("/reports/7");
   * @example await cache.purge({ tag: "report:7", soft: true });
   * @example await cache.purge(["/", { path: "/reports/**" }]);
   * @example const { named } = await cache.purge({ tag: "report:7" }, { count: true }); */
  purge(target: PurgeTargets, options: PurgeOptions & { readonly count: true }): Promise<PurgeCount>;
  purge(target: PurgeTargets, options?: PurgeOptions): Promise<void>;
  async purge(target: PurgeTargets, options: PurgeOptions = {}): Promise<PurgeCount | void> {
    this.assertOpen();
    const purges = [target].flat().map((given, index) => {
      const at = Array.isArray(target) ? `purge[${index}]` : "purge";
      const named = wholeTarget(at, given);
      const selectors = purgeSelectors(at, named, (path) => this.#context.policies.queriesOf(path));
      return { named, selectors, soft: isSoft(at, named, options), count: isCounted(at, named, options) };
    });
    const isToCount = isCounted("purge", {}, options) || purges.some(({ count }) => count);
    const counting = isToCount ? this.#countNamed(purges) : undefined;
    await counting?.catch(() => undefined); // it is no reason not to purge
    for (const soft of [false, true]) {
      const selectors = purges.filter((one) => one.soft === soft).flatMap((one) => one.selectors);
      if (selectors.length > 0) await this.#context.store.purge(selectors, { soft });
    }
    for (const { named, soft } of purges) this.#context.observer.purged(JSON.stringify(named), soft);
    if (counting !== undefined) return { named: await counting };
  }

  #countNamed(purges: readonly { readonly selectors: readonly (PurgeSelector | PathSelector)[] }[]): Promise<number> {
    const selectors = purges.flatMap((one) => one.selectors);
    return this.#context.store.countNamed(selectors, isStoredResponse);
  }

  /** A part of pages that is rendered once for all requests, in every process, and stored beside the pages. The page
   * that is being made takes on its tags, so that one purge removes both.
   * Where that page is unknown, every page that is being made in this process takes them on:
   * `req.diskCache.fragment()` always knows its page.
   * @param varyOn what the fragment varies on: a text, a number, …, or several
   * @throws {DiskCacheError} rejects with `ERR_DISKCACHE_OPTION`, or with what `render` throws; then nothing is stored
   * @throws {TypeError} rejects with `ERR_DISKCACHE_VALUE` when `render` gives neither a text nor a Buffer
   * @example const sidebar = await cache.fragment("sidebar", language, { ttl: "1h", tags: ["news"] }, () => renderSidebar(language)); */
  fragment<Output extends string | Buffer>(
    name: string,
    varyOn: VaryOn,
    options: FragmentOptions | Duration,
    render: (inside: InsideFragment) => Output | Promise<Output>,
  ): Promise<Output> {
    return this.#context.fragments.of(undefined)(name, varyOn, options, render);
  }

  /** The targets that the application names for requests that have changed something, checked once.
   * @returns purges them for one such request. Never rejects: a failure is reported by an `error` event
   * @throws {DiskCacheError} `ERR_DISKCACHE_OPTION` for targets that `purge()` would refuse; what a function names is
   * known only when it is called */
  purges(given: Purges<Req>): (native: Req) => Promise<void> {
    return purgesOf(given, (target) => this.purge(target), this.#context);
  }

  /** Fills a hole in pages, for each client when the page is sent. The page is stored once, with an unguessable marker
   * in the place of the hole; what is stored is never evaluated.
   * @param filler returns the text, escaped for the place where it stands. When it fails, the request goes to the
   * application
   * @throws {DiskCacheError} `ERR_DISKCACHE_HOLE` when the name is not a token
   * @example cache.hole("csrf", (req) => req.session.csrf); // in the page: req.diskCache.hole("csrf") */
  hole(name: string, filler: (req: Req) => string | Promise<string>): void {
    this.#context.holes.register(name, filler as (native: unknown) => unknown);
  }

  /** Purges every response with this tag, or with one of several. The same as `purge({ tag })` and `purge({ tags })`.
   * @example await cache.purgeTag("report:7"); */
  purgeTag(tag: string | readonly string[], options: PurgeOptions & { readonly count: true }): Promise<PurgeCount>;
  purgeTag(tag: string | readonly string[], options?: PurgeOptions): Promise<void>;
  purgeTag(tag: string | readonly string[], options: PurgeOptions = {}): Promise<PurgeCount | void> {
    return this.purge(typeof tag === "object" ? { tags: tag } : { tag }, options);
  }

  /** Purges requested over HTTP, by clients that know a token: for adapters, which pass in the request and send the
   * answer.
   * @throws {DiskCacheError} `ERR_DISKCACHE_OPTION` for a token that could be guessed */
  purger(options: PurgerOptions): (request: PurgeRequest) => Promise<PurgeAnswer> {
    return purger(options, (target) => this.purge(target as PurgeTarget));
  }

  /** Purges everything; the disk space is freed in the background. */
  async clear(): Promise<void> {
    this.assertOpen();
    await this.#context.store.clear();
    this.#context.observer.purged("everything", false);
  }

  /** What would happen to this request now, and why. Changes nothing. */
  async explain(request: RequestHead, native: Req): Promise<Explanation> {
    this.assertOpen();
    const question = this.#question(request, native);
    const { request: asked, policy } = question;
    const lookup = await decide(this.#context, question);
    const { options, coded } = this.#context;
    const entry = storedEntry(lookup);
    const choice = entry && (await coded.choose(entry, asked, false));
    const namesOf = (detail?: string) => namesBehind(options, asked, policy.keyHeaders, detail);
    return explain(asked, lookup, options.clock.now(), choice, namesOf);
  }

  /** After `close()`, as they were at the end. */
  stats(): Promise<CacheStats> {
    const { observer, store } = this.#context;
    return Promise.resolve({ ...observer.counters, waiting: this.#answering.waiting, ...store.stats() });
  }

  /** Adds a listener for one of the events of `CacheEvents`: `hit`, `not-stored`, `evict`, `error`, … */
  on<Name extends keyof CacheEvents>(name: Name, listener: (event: CacheEvents[Name]) => void): void {
    this.#context.observer.on(name, listener);
  }

  off<Name extends keyof CacheEvents>(name: Name, listener: (event: CacheEvents[Name]) => void): void {
    this.#context.observer.off(name, listener);
  }

  /** A function that keeps its results in the directory of the pages: see `FileCache.memoize`. */
  memoize<Args extends readonly unknown[], Value>(
    fn: (...args: Args) => Value | Promise<Value>,
    options?: MemoizeOptions<Args>,
  ): (...args: Args) => Promise<Value> {
    return this.#values.memoize(fn, options);
  }

  /** Writes what waits to be written and releases the directory: what was reported to a client as stored is on the
   * disk when it resolves. Requests are forwarded from then on, and what is still being made is not stored: it waits
   * for no handler. Idempotent. */
  async close(): Promise<void> {
    const { fragments, coded, endings, store } = this.#context;
    this.#closed = true;
    this.#context.observer.end();
    this.#answering.close();
    fragments.close();
    await coded.close();
    await this.#values.close();
    await endings.thenEnd(() => store.close());
  }

  /** For an adapter's own use.
   * @throws {DiskCacheError} `ERR_DISKCACHE_CLOSED` after `close()` */
  assertOpen(): void {
    if (this.#closed) throw closedError();
  }

  // The request to decide on: its fields without the ignored cookies, and whether anything else identifies its client.
  #question(given: RequestHead, native: unknown, own?: ResolvedPolicy): Question {
    const { cookies, credentials } = this.#context.options;
    const policy = this.#under(given, own);
    const request = identified(withoutIgnoredCookies(given, cookies), credentials, policy.keyHeaders, native);
    return { request, native, policy, refresh: false, own: false };
  }

  #under({ target }: RequestHead, own?: ResolvedPolicy): WholePolicy {
    return this.#context.policies.under(target, own);
  }
}
