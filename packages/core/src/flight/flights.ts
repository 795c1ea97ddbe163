/** The flights of one process, by key. */
import { Flight } from "./flight.js";

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
