/** What happens in a cache, by name: what the listeners of `cache.on()` and `FileCache.on()` receive, and who they are.
 * Nothing in the cache reads from it, and no listener can hurt a request. */
import { EventEmitter } from "node:events";
import type { DiskCacheError } from "./errors.js";

/** What happens in the store, by name: the events of `FileCache.on()`, and some of those of `cache.on()`. */
export interface StoreEvents {
  /** Entries were removed: to keep the bounds, or because they were expired or purged (`dead`). */
  evict: { readonly reason: "bounds" | "dead"; readonly entries: number; readonly bytes: number };
  /** An entry was not written, and why. The key is the one that `explain()` names. */
  "write-skipped": { readonly reason: string; readonly key: string };
  /** Storing rests for so long after a fault of the disk, which an `error` event has reported. */
  pause: { readonly code: string; readonly forMs: number };
  /** The first write after a pause has succeeded. */
  resume: Readonly<Record<string, never>>;
  /** The invalidation log could not be read, and was begun again: everything stored before is a miss. */
  "log-restarted": { readonly problem: string };
  /** Between the machines that share purges (`tier`): `"joined"` when this one has heard from the engine and lacks no
   * purge, `"cut-off"` when it has not heard from it for a lease; `"catching-up"` while it takes over many purges;
   * `"reconciled"` when the engine had lost purges, which are put there again; `"emptied"` and `"unreadable"` when
   * purges are lost to this machine, so that everything stored here counts as purged. */
  tier: {
    readonly state: "joined" | "cut-off" | "catching-up" | "reconciled" | "emptied" | "unreadable";
    readonly detail: string;
  };
  /** Something failed in the background. While there is no listener, the process is warned once of each kind that does
   * not recover by itself. */
  error: DiskCacheError;
}

/** The events of `cache.on()`, by name. */
export interface CacheEvents extends StoreEvents {
  /** Answered from the cache. */
  hit: { readonly url: string; readonly stale: boolean };
  /** Forwarded to the application, and why (RFC 9211 §2.2). */
  forward: {
    readonly url: string;
    readonly reason: string;
    readonly detail: string | undefined;
    /** The cookies or fields that the detail is about, if it is about any; never their values. */
    readonly names?: readonly string[];
  };
  /** Answered with another request's response, while the application made it. */
  collapsed: { readonly url: string };
  /** A response was stored, or stored again under the fields of a 304. */
  stored: { readonly url: string; readonly bytes: number };
  /** A response was not stored, and why. */
  "not-stored": {
    readonly url: string;
    readonly reason: string;
    /** The cookies or fields that the reason is about, if it is about any; never their values. */
    readonly names?: readonly string[];
  };
  /** A refresh behind a stale page was answered and has left the page as it was: by something before the cache, such
   * as a login wall (`reached: false`), or by what could not be stored. `status` is `undefined` without an answer. The
   * next client request that finds the page stale is forwarded. */
  "refresh-refused": { readonly url: string; readonly reached: boolean; readonly status: number | undefined };
  /** A page was compressed for later clients: from so many bytes to so many, or to `undefined` where it was not worth
   * it. */
  compressed: {
    readonly url: string;
    readonly coding: string;
    readonly bytes: number;
    readonly codedBytes: number | undefined;
  };
  /** A purge was recorded. */
  purge: { readonly what: string; readonly soft: boolean };
  /** A handler read something of the request that does not select the page it made (`audit`). Emitted once for each
   * route and name, and once for all routes where it went through all of them. */
  audit: AuditFinding;
}

/** Something that a handler read and that is not in the key of its page. */
export interface AuditFinding {
  /** As the framework calls it, or the path. */
  readonly route: string;
  readonly url: string;
  readonly kind: "header" | "cookie" | "parameter";
  /** `*` for all of them. */
  readonly name: string;
  readonly remedy: string;
  /** The response was not stored because of it; or, with a name of `*`, only for requests alike in every header
   * field. */
  readonly enforced: boolean;
}

/** Listeners by the name of the event. One that throws is reported, and hurts nothing. */
export class Listeners<Events extends object> {
  readonly #emitter = new EventEmitter();

  on<Name extends keyof Events & string>(name: Name, listener: (event: Events[Name]) => void): void {
    this.#emitter.on(name, listener);
  }

  off<Name extends keyof Events & string>(name: Name, listener: (event: Events[Name]) => void): void {
    this.#emitter.off(name, listener);
  }

  has(name: keyof Events & string): boolean {
    return this.#emitter.listenerCount(name) > 0;
  }

  tell<Name extends keyof Events & string>(name: Name, event: Events[Name]): void {
    if (!this.has(name)) return; // an "error" without a listener must not throw
    try {
      this.#emitter.emit(name, event);
    } catch (thrown) {
      // A listener's error is not the cache's: reported the way Node reports such errors, after this turn.
      process.nextTick(() =>
        process.emitWarning(thrown instanceof Error ? thrown : String(thrown), "DiskCacheListenerWarning"),
      );
    }
  }
}
