/** One forward that answers many requests (collapsed forwarding, RFC 9111 §4). The leader calls the application;
 * followers wait until its response has begun and can be shared, then read along. Knows nothing of what is shared. */
import type { MaybeAsync } from "../base/async.js";
import type { KeyLock, LockOptions, Store } from "../store/contract.js";

/** Why followers are released: the response may not be shared, or the leader will never have one. */
export type Release = "unshareable" | "failed" | "timeout";

type Settle<Shared> = (landed: Shared | Release) => void;

export class Flight<Shared extends object> {
  /** The leader's response is valid from this position of the invalidation log on: set by the leader. */
  readonly birth: number;
  readonly #waiting: Settle<Shared>[] = [];
  readonly #maxFollowers: number;
  readonly #timeoutMs: number;
  readonly #onOver: () => void;
  #landed: Shared | Release | undefined;
  /** Whether the leader's own client has left: its handler may never finish. */
  #adrift = false;
  /** What is shared is already complete, whatever happens to the leader. */
  #standsIn = false;
  #over = false;
  #timer: NodeJS.Timeout | undefined;

  /** @param onOver called once no request can join any more */
  constructor(
    birth: number,
    settings: { readonly timeoutMs: number; readonly maxFollowers: number },
    onOver: () => void,
  ) {
    this.birth = birth;
    this.#maxFollowers = settings.maxFollowers;
    this.#timeoutMs = settings.timeoutMs;
    this.#onOver = onOver;
    // Limits the wait for the beginning of a response, never the response itself.
    this.#timer = setTimeout(() => this.#late(), settings.timeoutMs).unref();
  }

  /** Whether there are followers. */
  get awaited(): boolean {
    return this.#waiting.length > 0;
  }

  /** What the leader shares, once its response has begun. */
  get shared(): Shared | undefined {
    return typeof this.#landed === "string" ? undefined : this.#landed;
  }

  /** Follows: resolves when the response has begun, or when there will be none to share. `undefined` when there are
   * too many followers already.
   * @param patienceMs for a request that has waited before: what is left of its waiting time, where that is less than
   * the flight's timeout */
  join(patienceMs?: number): Promise<Shared | Release> | undefined {
    if (this.#landed !== undefined && !this.#awaitsEnd) return Promise.resolve(this.#landed);
    if (this.#waiting.length >= this.#maxFollowers) return undefined;
    return new Promise((settle) => {
      this.#waiting.push(settle);
      const mostMs = patienceMs ?? (this.#landed === undefined ? undefined : this.#timeoutMs);
      if (mostMs !== undefined) setTimeout(() => this.#release(settle), mostMs).unref();
    });
  }

  /** The leader's response has begun and may be shared: waiting followers, and those that come while it goes on, read
   * along. Those that have had nothing yet when the leader's client has left wait for its end. */
  share(shared: Shared): void {
    if (this.#adrift) this.#landed ??= shared;
    else this.#land(shared);
  }

  /** A stored response takes the place of the leader's: followers that come while the handler goes on get it at
   * once. */
  standIn(shared: Shared): void {
    if (this.#land(shared)) this.#standsIn = true;
  }

  /** Whether a stored response takes the place of the leader's. */
  get standsIn(): boolean {
    return this.#standsIn;
  }

  /** The leader's own client has left. Followers that come from now on get nothing of a response that may never be
   * complete: they wait for its end. */
  leaderLeft(): void {
    this.#adrift = true;
  }

  /** Releases all followers together. */
  release(why: Release): void {
    if (this.#land(why)) this.#end();
  }

  /** The response is complete: requests that come now find it in the store.
   * @param placed resolves when they do; requests that come sooner read along */
  complete(placed?: Promise<unknown>): void {
    const { shared } = this;
    if (this.#over || shared === undefined || placed === undefined) {
      if (!this.#land("failed")) this.#settleAll("failed");
      this.#end();
      return;
    }
    // It is complete, whether or not the leader's client is still connected.
    this.#adrift = false;
    this.#settleAll(shared);
    void placed.then(() => this.#end());
  }

  // No request waits longer for the end of a response that still goes on: it reads along after all.
  #late(): void {
    if (this.shared === undefined) this.release("timeout");
    else this.#settleAll(this.shared);
  }

  #end(): void {
    this.#over = true;
    clearTimeout(this.#timer);
    this.#onOver();
  }

  get #awaitsEnd(): boolean {
    return this.#adrift && !this.#standsIn && this.shared !== undefined;
  }

  #land(landed: Shared | Release): boolean {
    if (this.#landed !== undefined) return false;
    this.#landed = landed;
    clearTimeout(this.#timer);
    this.#settleAll(landed);
    return true;
  }

  // This follower waits no longer: if it was the last one, the forward does not go on for it.
  #release(settle: Settle<Shared>): void {
    const at = this.#waiting.indexOf(settle);
    if (at === -1) return;
    this.#waiting.splice(at, 1);
    settle("timeout");
  }

  #settleAll(landed: Shared | Release): void {
    for (const settle of this.#waiting.splice(0)) settle(landed);
  }
}

/* The flights of one process, by key. */

export interface FlightSettings {
  readonly timeoutMs: number;
  readonly maxFollowers: number;
}

export class Flights<Shared extends object> {
  readonly #settings: FlightSettings;
  readonly #flights = new Map<string, Flight<Shared>>();

  constructor(settings: FlightSettings) {
    this.#settings = settings;
  }

  /** The flight under a key, for followers to join. */
  under(key: string): Flight<Shared> | undefined {
    return this.#flights.get(key);
  }

  /** Begins a flight. One that is already under way for this key continues for its own followers. */
  lead(key: string, birth: number): Flight<Shared> {
    const flight: Flight<Shared> = new Flight<Shared>(birth, this.#settings, () => {
      if (this.#flights.get(key) === flight) this.#flights.delete(key);
    });
    this.#flights.set(key, flight);
    return flight;
  }
}

/** The right to make an entry, among as many processes as the store reaches. */
export function lockIn(
  store: Store<unknown>,
  key: string,
  options: LockOptions,
): MaybeAsync<KeyLock | "held" | undefined> {
  return store.lockEverywhere === undefined ? store.lock(key, options) : store.lockEverywhere(key, options);
}
