import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { Flight, Flights } from "./flights.js";
import { Refreshes } from "./refreshes.js";

interface Page {
  readonly text: string;
}

const PAGE: Page = { text: "page" };
const SETTINGS = { timeoutMs: 5000, maxFollowers: 2 };

function movable() {
  let now = 1_000_000;
  return { now: () => now, advance: (ms: number) => void (now += ms) };
}

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

describe("a flight", () => {
  it("gives what is shared to those who wait and to those who come while it goes on", async () => {
    const flight = new Flight<Page>(0, SETTINGS, () => {});
    const before = flight.join();
    flight.share(PAGE);
    expect([await before, await flight.join()]).toEqual([PAGE, PAGE]);
  });

  it.each(["unshareable", "failed"] as const)("lets everybody go when it is %s", async (why) => {
    const over = vi.fn<() => void>();
    const flight = new Flight<Page>(0, SETTINGS, over);
    const waiting = [flight.join(), flight.join()];
    flight.release(why);
    expect([await waiting[0], await waiting[1]]).toEqual([why, why]);
    expect(over).toHaveBeenCalledTimes(1);
  });

  it("lets everybody go when nothing has begun in time, and takes the time from nobody who reads along", async () => {
    const late = new Flight<Page>(0, SETTINGS, () => {});
    const waiting = late.join();
    vi.advanceTimersByTime(5000);
    expect(await waiting).toBe("timeout");
    const over = vi.fn<() => void>();
    const begun = new Flight<Page>(0, SETTINGS, over);
    begun.share(PAGE);
    vi.advanceTimersByTime(60_000);
    expect([await begun.join(), over.mock.calls.length]).toEqual([PAGE, 0]);
  });

  it("whose leader's client has left has newcomers wait for its end, but not for a stored response that stands in", async () => {
    const begun = new Flight<Page>(0, SETTINGS, () => {});
    begun.leaderLeft();
    begun.share(PAGE);
    const waiting = begun.join();
    begun.complete();
    expect(await waiting).toBe("failed");
    const replaced = new Flight<Page>(0, SETTINGS, () => {});
    replaced.standIn(PAGE);
    replaced.leaderLeft();
    expect([await replaced.join(), replaced.standsIn]).toEqual([PAGE, true]);
  });

  it("whose leader's client has left before it begins has all who wait wait for its end", async () => {
    const flight = new Flight<Page>(0, SETTINGS, () => {});
    const waiting = flight.join();
    flight.leaderLeft();
    const later = flight.join();
    flight.share(PAGE);
    flight.complete();
    expect([await waiting, await later]).toEqual(["failed", "failed"]);
  });

  it("whose leader's client has left before it begins lets those who have waited for long enough read along", async () => {
    const over = vi.fn<() => void>();
    const flight = new Flight<Page>(0, SETTINGS, over);
    const waiting = flight.join();
    flight.leaderLeft();
    vi.advanceTimersByTime(4000);
    flight.share(PAGE);
    vi.advanceTimersByTime(1000);
    expect([await waiting, over.mock.calls.length]).toEqual([PAGE, 0]);
  });

  it("takes no more followers than it is allowed", () => {
    const flight = new Flight<Page>(0, SETTINGS, () => {});
    expect([flight.join(), flight.join(), flight.join()].map((landing) => landing !== undefined)).toEqual([
      true,
      true,
      false,
    ]);
  });

  it("does not use up the patience of one who has waited before", async () => {
    const flight = new Flight<Page>(0, SETTINGS, () => {});
    const patient = flight.join();
    const impatient = flight.join(100);
    vi.advanceTimersByTime(100);
    expect(await impatient).toBe("timeout");
    flight.share(PAGE);
    expect(await patient).toBe(PAGE);
  });

  it("tells what is shared, once something is", () => {
    const flight = new Flight<Page>(0, SETTINGS, () => {});
    const before = flight.shared;
    flight.share(PAGE);
    const failed = new Flight<Page>(0, SETTINGS, () => {});
    failed.release("failed");
    expect([before, flight.shared, failed.shared]).toEqual([undefined, PAGE, undefined]);
  });

  it("that ends without having begun has failed", async () => {
    const flight = new Flight<Page>(0, SETTINGS, () => {});
    const waiting = flight.join();
    flight.complete();
    expect(await waiting).toBe("failed");
  });

  it("that is complete can be joined until what it made is in its place, also by those who waited for its end", async () => {
    const flights = new Flights<Page>(SETTINGS);
    const flight = flights.lead("k", 1);
    flight.leaderLeft();
    flight.share(PAGE);
    const waiting = flight.join();
    let arrive = (): void => {};
    flight.complete(new Promise<void>((resolve) => (arrive = resolve)));
    expect([await waiting, flights.under("k"), await flight.join()]).toEqual([PAGE, flight, PAGE]);
    arrive();
    await vi.waitFor(() => expect(flights.under("k")).toBeUndefined());
  });

  it("that has been given up is over, whatever is still on its way to its place", () => {
    const flights = new Flights<Page>(SETTINGS);
    const flight = flights.lead("k", 1);
    flight.share(PAGE);
    flight.complete();
    flight.complete(new Promise<void>(() => {}));
    expect(flights.under("k")).toBeUndefined();
  });

  it("leaves no timer behind once it has landed", () => {
    const flight = new Flight<Page>(0, SETTINGS, () => {});
    flight.share(PAGE);
    flight.complete();
    expect(vi.getTimerCount()).toBe(0);
  });
});

describe("the flights of a process", () => {
  it("are found under their key until they are over", () => {
    const flights = new Flights<Page>(SETTINGS);
    const flight = flights.lead("k", 7);
    expect([flights.under("k"), flights.under("other"), flight.birth]).toEqual([flight, undefined, 7]);
    flight.share(PAGE);
    expect(flights.under("k")).toBe(flight);
    flight.complete();
    expect(flights.under("k")).toBeUndefined();
  });

  it("may be followed by a newer one, which the older one's end does not touch", () => {
    const flights = new Flights<Page>(SETTINGS);
    const older = flights.lead("k", 1);
    const newer = flights.lead("k", 2);
    older.complete();
    expect(flights.under("k")).toBe(newer);
  });
});

describe("a refresh", () => {
  it("is one at a time for a key", () => {
    const refreshes = new Refreshes(movable());
    const release = refreshes.claim("k", 1);
    expect([release === undefined, refreshes.claim("k", 1), refreshes.claim("other", 1) === undefined]).toEqual([
      false,
      undefined,
      false,
    ]);
    release!();
    // The next response under the key is another one.
    expect(refreshes.claim("k", 2)).toBeDefined();
  });

  it("of a page that cannot be refreshed is tried less and less often, at least once a minute", () => {
    const clock = movable();
    const refreshes = new Refreshes(clock);
    const waits: number[] = [];
    for (let tries = 0; tries < 9; tries++) {
      let claim = refreshes.claim("k", 1);
      let waited = 0;
      for (; claim === undefined; claim = refreshes.claim("k", 1)) {
        clock.advance(500);
        waited += 500;
      }
      claim();
      waits.push(waited);
    }
    expect(waits).toEqual([0, 1000, 2000, 4000, 8000, 16_000, 32_000, 60_000, 60_000]);
  });

  it("that never comes back does not hold its place for ever", () => {
    const clock = movable();
    const refreshes = new Refreshes(clock);
    for (let n = 0; n < 8; n++) expect(refreshes.claim(`k${n}`, 1)).toBeDefined();
    expect(refreshes.claim("one too many", 1)).toBeUndefined();
    clock.advance(60_001);
    expect(refreshes.claim("one too many", 1)).toBeDefined();
  });
});
