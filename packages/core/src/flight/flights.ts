/** The flights of one process, by key, and the keys for which nobody should wait: hit-for-miss. */
import type { Clock } from "../clock.js";
import { Flight } from "./flight.js";

/** How long a key whose response could not be shared is remembered, so that nobody queues for it. */
const HIT_FOR_MISS_MS = 60_000;
/** The same for a failure: soon one request asks on behalf of all again, and spares an application that is down. */
const FAILURE_MS = 1_000;
const MAX_REMEMBERED = 10_000;

export interface FlightSettings {
  readonly timeoutMs: number;
  readonly maxFollowers: number;
}

export class Flights<Shared extends object> {
  readonly #clock: Clock;
  readonly #settings: FlightSettings;
  readonly #flights = new Map<string, Flight<Shared>>();
  /** Key to the moment until which requests for it do not wait for each other. */
  readonly #hitForMiss = new Map<string, number>();

  constructor(clock: Clock, settings: FlightSettings) {
    this.#clock = clock;
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

  /** Nobody waits for this key for a while: its responses cannot be shared.
   * @param failed the application failed, which says nothing about the page */
  rememberMiss(key: string, failed = false): void {
    this.#hitForMiss.delete(key);
    this.#hitForMiss.set(key, this.#clock.now() + (failed ? FAILURE_MS : HIT_FOR_MISS_MS));
    if (this.#hitForMiss.size > MAX_REMEMBERED) this.#hitForMiss.delete(this.#hitForMiss.keys().next().value!);
  }

  isHitForMiss(key: string): boolean {
    const until = this.#hitForMiss.get(key);
    if (until === undefined) return false;
    // A clock that was set back must not keep the mark for ever.
    const left = until - this.#clock.now();
    if (left > 0 && left <= HIT_FOR_MISS_MS) return true;
    this.#hitForMiss.delete(key);
    return false;
  }

  /** A response for this key was shareable after all. */
  forgetMiss(key: string): void {
    this.#hitForMiss.delete(key);
  }
}
