/** One forward that answers many requests (collapsed forwarding, RFC 9111 §4). The leader calls the application; followers wait until its response has begun and can be shared, then read along. Knows nothing of what is shared. */

/** Why followers are let go: the response may not be shared, or the leader will never have one. */
export type Release = "unshareable" | "failed" | "timeout";

type Settle<Shared> = (landed: Shared | Release) => void;

export class Flight<Shared extends object> {
  /** What the leader makes is for this moment of the invalidation log and later: set by whoever leads. */
  readonly birth: number;
  readonly #waiting: Settle<Shared>[] = [];
  readonly #maxFollowers: number;
  readonly #timeoutMs: number;
  readonly #onOver: () => void;
  #landed: Shared | Release | undefined;
  /** Whether the leader's own client has left: its handler may never come to an end. */
  #adrift = false;
  /** What is shared has an end already, whatever becomes of the leader. */
  #standsIn = false;
  #over = false;
  #timer: NodeJS.Timeout | undefined;

  /** @param onOver called once nobody can join any more */
  constructor(
    birth: number,
    settings: { readonly timeoutMs: number; readonly maxFollowers: number },
    onOver: () => void,
  ) {
    this.birth = birth;
    this.#maxFollowers = settings.maxFollowers;
    this.#timeoutMs = settings.timeoutMs;
    this.#onOver = onOver;
    // Bounds the wait for the beginning of a response, never the response itself.
    this.#timer = setTimeout(() => this.release("timeout"), settings.timeoutMs).unref();
  }

  /** Whether anybody follows. */
  get awaited(): boolean {
    return this.#waiting.length > 0;
  }

  /** What the leader shares, once its response has begun. */
  get shared(): Shared | undefined {
    return typeof this.#landed === "string" ? undefined : this.#landed;
  }

  /** Follows: resolves when the response has begun, or when there will be none to share. `undefined` when there are too many followers already.
   * @param patienceMs for one who has waited before: what he has left of it, where that is less than the flight takes */
  join(patienceMs?: number): Promise<Shared | Release> | undefined {
    if (this.#landed !== undefined && !this.#awaitsEnd) return Promise.resolve(this.#landed);
    if (this.#waiting.length >= this.#maxFollowers) return undefined;
    return new Promise((settle) => {
      this.#waiting.push(settle);
      const mostMs = patienceMs ?? (this.#landed === undefined ? undefined : this.#timeoutMs);
      if (mostMs !== undefined) setTimeout(() => this.#release(settle), mostMs).unref();
    });
  }

  /** The leader's response has begun and may be shared: those who wait, and those who come while it goes on, read along. */
  share(shared: Shared): void {
    this.#land(shared);
  }

  /** A stored response takes the place of the leader's: those who come while the handler goes on are given it at once. */
  standIn(shared: Shared): void {
    if (this.#land(shared)) this.#standsIn = true;
  }

  /** Whether a stored response takes the place of the leader's. */
  get standsIn(): boolean {
    return this.#standsIn;
  }

  /** The leader's own client has left. Those who come from now on are given nothing of a response that may never be whole: they wait for its end. */
  leaderLeft(): void {
    this.#adrift = true;
  }

  /** Lets all followers go, together. */
  release(why: Release): void {
    if (this.#land(why)) this.#end();
  }

  /** The response is complete: those who come now find it in the store.
   * @param placed resolves when they do; those who come sooner read along */
  complete(placed?: Promise<unknown>): void {
    const { shared } = this;
    if (this.#over || shared === undefined || placed === undefined) {
      if (!this.#land("failed")) this.#settleAll("failed");
      this.#end();
      return;
    }
    // It has come to its end, whether or not the leader's client is there.
    this.#adrift = false;
    this.#settleAll(shared);
    void placed.then(() => this.#end());
  }

  #end(): void {
    this.#over = true;
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

  // It waits no longer, so no one goes on for it.
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

  /** The flight under a key, for followers. */
  under(key: string): Flight<Shared> | undefined {
    return this.#flights.get(key);
  }

  /** Begins a flight. One that was under way for this key goes on for its own followers. */
  lead(key: string, birth: number): Flight<Shared> {
    const flight: Flight<Shared> = new Flight<Shared>(birth, this.#settings, () => {
      if (this.#flights.get(key) === flight) this.#flights.delete(key);
    });
    this.#flights.set(key, flight);
    return flight;
  }
}
