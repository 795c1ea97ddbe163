/** Reports what the cache did: counters, events, `diagnostics_channel`. Nothing in the cache reads from it, and no
 * listener can hurt a request. */
import { channel } from "node:diagnostics_channel";
import { inOwnContext } from "./async.js";
import type { DiskCacheError } from "./errors.js";
import { UnhandledErrors } from "./errors.js";
import { Listeners } from "./events.js";
import type { AuditFinding, CacheEvents, StoreEvents } from "./events.js";

export interface CacheCounters {
  hits: number;
  staleHits: number;
  forwards: number;
  collapsed: number;
  stored: number;
  notStored: number;
  /** Refreshes that left a stale page as it was. */
  refusedRefreshes: number;
  /** Coded bodies made. */
  compressed: number;
  /** Hits answered with one, and the bytes that they saved in total. */
  codedHits: number;
  savedBytes: number;
  purges: number;
  /** How often storing was paused. */
  pauses: number;
  errors: number;
}

/** Names that are looked for only where they are heard. */
type Names = () => readonly string[];

/** Where a forward comes from. */
export interface ForwardOrigin {
  /** A request of the cache's own. */
  readonly own: boolean;
  /** It was neither looked up nor stored. */
  readonly leftAlone: boolean;
}

/** What a forward came to, when it is over. */
export interface ForwardOutcome {
  readonly method: string;
  readonly url: string;
  /** Why it was forwarded (RFC 9211 §2.2), and more about that. */
  readonly reason: string;
  readonly detail: string | undefined;
  /** Whether its response is stored. */
  readonly stored: boolean;
  /** Why not, and the cookies or fields that this or the detail is about. */
  readonly refusal: string | undefined;
  readonly names: readonly string[];
  /** Until its response was over. */
  readonly ms: number;
}

/** Sees what happens to each request beside the listeners of events: what speaks to the developer. */
export interface Watcher {
  hit?(url: string, stale: boolean, method: string): void;
  collapsed?(url: string, method: string): void;
  forward?(url: string, reason: string, detail: string | undefined, names: Names, origin: ForwardOrigin): void;
  stored?(url: string, own: boolean): void;
  notStored?(url: string, reason: string, names: Names, own: boolean): void;
  over?(outcome: ForwardOutcome): void;
  /** Nothing happens from now on. */
  end(): void;
}

const CLIENTS: ForwardOrigin = Object.freeze({ own: false, leftAlone: true });
const NO_NAMES: Names = () => [];

type Listener<Name extends keyof CacheEvents> = (event: CacheEvents[Name]) => void;

const CHANNEL = channel("diskcache");
/** How long an error that was found when the cache was made waits for a listener. */
const LISTENER_MS = 1000;

export class Observer {
  readonly counters: CacheCounters = {
    hits: 0,
    staleHits: 0,
    forwards: 0,
    collapsed: 0,
    stored: 0,
    notStored: 0,
    refusedRefreshes: 0,
    compressed: 0,
    codedHits: 0,
    savedBytes: 0,
    purges: 0,
    pauses: 0,
    errors: 0,
  };
  readonly #listeners = new Listeners<CacheEvents>();
  readonly #unheard = new UnhandledErrors();
  /** Tell what happened at the start, as soon as there is a listener. */
  readonly #untold = new Set<() => void>();
  #listening = false;
  /** Usually none, and asked on every hit: a list, because to go through an empty set costs more. */
  #watchers: readonly Watcher[] = [];

  on<Name extends keyof CacheEvents>(name: Name, listener: Listener<Name>): void {
    this.#listening = true;
    this.#listeners.on(name, listener);
    if (name === "error") for (const tell of this.#untold) process.nextTick(inOwnContext, tell);
  }

  off<Name extends keyof CacheEvents>(name: Name, listener: Listener<Name>): void {
    this.#listeners.off(name, listener);
  }

  /** From now on it sees what happens. */
  watch(watcher: Watcher): void {
    this.#watchers = [...this.#watchers, watcher];
  }

  unwatch(watcher: Watcher): void {
    this.#watchers = this.#watchers.filter((other) => other !== watcher);
  }

  /** Whether what a forward comes to is to be told. */
  get isWatched(): boolean {
    return this.#watchers.length > 0;
  }

  /** Nothing happens from now on. */
  end(): void {
    for (const watcher of this.#watchers) watcher.end();
  }

  /** A forward is over, and its outcome is what its client got. */
  over(outcome: ForwardOutcome): void {
    for (const watcher of this.#watchers) watcher.over?.(outcome);
  }

  hit(url: string, stale: boolean, method = "GET"): void {
    this.counters.hits++;
    if (stale) this.counters.staleHits++;
    if (this.#heard) this.#tell("hit", { url, stale });
    for (const watcher of this.#watchers) watcher.hit?.(url, stale, method);
  }

  forward(
    url: string,
    reason: string,
    detail: string | undefined,
    names: Names = NO_NAMES,
    origin: ForwardOrigin = CLIENTS,
  ): void {
    this.counters.forwards++;
    if (this.#heard) this.#tell("forward", { url, reason, detail, ...named(names()) });
    for (const watcher of this.#watchers) watcher.forward?.(url, reason, detail, names, origin);
  }

  collapsed(url: string, method = "GET"): void {
    this.counters.collapsed++;
    if (this.#heard) this.#tell("collapsed", { url });
    for (const watcher of this.#watchers) watcher.collapsed?.(url, method);
  }

  stored(url: string, bytes: number, own = false): void {
    this.counters.stored++;
    if (this.#heard) this.#tell("stored", { url, bytes });
    for (const watcher of this.#watchers) watcher.stored?.(url, own);
  }

  notStored(url: string, reason: string, names: Names = NO_NAMES, own = false): void {
    this.counters.notStored++;
    if (this.#heard) this.#tell("not-stored", { url, reason, ...named(names()) });
    for (const watcher of this.#watchers) watcher.notStored?.(url, reason, names, own);
  }

  refreshRefused(url: string, reached: boolean, status: number | undefined): void {
    this.counters.refusedRefreshes++;
    if (this.#heard) this.#tell("refresh-refused", { url, reached, status });
  }

  compressed(url: string, coding: string, bytes: number, codedBytes: number | undefined): void {
    if (codedBytes !== undefined) this.counters.compressed++;
    if (this.#heard) this.#tell("compressed", { url, coding, bytes, codedBytes });
  }

  codedHit(savedBytes: number): void {
    this.counters.codedHits++;
    this.counters.savedBytes += savedBytes;
  }

  purged(what: string, soft: boolean): void {
    this.counters.purges++;
    if (this.#heard) this.#tell("purge", { what, soft });
  }

  audit(finding: AuditFinding): void {
    if (this.#heard) this.#tell("audit", finding);
  }

  /** What happened in the store. */
  inStore<Name extends keyof StoreEvents>(name: Name, event: StoreEvents[Name]): void {
    if (name === "error") return this.error(event as DiskCacheError);
    if (name === "pause") this.counters.pauses++;
    if (this.#heard) this.#tell(name, event as CacheEvents[Name]);
  }

  error(error: DiskCacheError): void {
    this.counters.errors++;
    if (this.#heard) this.#tell("error", error);
    if (!this.#listeners.has("error") && !CHANNEL.hasSubscribers) this.#unheard.tell(error);
  }

  /** An error that was found when the cache was made: its listener may only come in a moment. */
  errorAtStart(error: DiskCacheError): void {
    if (this.#listeners.has("error")) return this.error(error);
    const tell = (): void => {
      clearTimeout(timer);
      if (this.#untold.delete(tell)) this.error(error);
    };
    const timer = inOwnContext(() => setTimeout(tell, LISTENER_MS).unref());
    this.#untold.add(tell);
  }

  // On the hit path an event object is made only when there is a listener.
  get #heard(): boolean {
    return this.#listening || CHANNEL.hasSubscribers;
  }

  #tell<Name extends keyof CacheEvents>(name: Name, event: CacheEvents[Name]): void {
    CHANNEL.publish({ name, event });
    this.#listeners.tell(name, event);
  }
}

function named(names: readonly string[]): { readonly names?: readonly string[] } {
  return names.length === 0 ? {} : { names };
}
