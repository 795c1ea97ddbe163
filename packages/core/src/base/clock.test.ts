import { describe, expect, it } from "vitest";
import { SteadyClock } from "./clock.js";

const START = 1_767_323_045_000;

/** A machine whose clock the test sets. */
function machine() {
  let [wall, steady] = [START, 5_000];
  let heldUpMs = 0;
  return {
    time: {
      wall: () => wall,
      steady: () => {
        // Between two looks.
        const seen = steady;
        wall += heldUpMs;
        steady += heldUpMs;
        return seen;
      },
    },
    pass: (seconds: number) => void ((wall += seconds * 1000), (steady += seconds * 1000)),
    set: (seconds: number) => void (wall += seconds * 1000),
    heldUp: (ms: number) => void (heldUpMs = ms),
  };
}

type Machine = ReturnType<typeof machine>;

/** Seconds that the clock says have passed since it began. */
function secondsAfter(happens: (on: Machine, look: () => void) => void): number {
  const on = machine();
  const clock = new SteadyClock(on.time);
  happens(on, () => void clock.now());
  return (clock.now() - START) / 1000;
}

describe("the time since a page was stored", () => {
  it.each<{ when: string; happens: Parameters<typeof secondsAfter>[0]; seconds: number }>([
    { when: "nothing is set", happens: (on) => on.pass(5), seconds: 5 },
    { when: "the clock is set back", happens: (on) => (on.pass(2), on.set(-10), on.pass(3)), seconds: 5 },
    { when: "it is set back by a day", happens: (on) => (on.pass(2), on.set(-86_400), on.pass(3)), seconds: 5 },
    { when: "it is set back twice", happens: (on, look) => (on.set(-10), look(), on.set(-5), on.pass(5)), seconds: 5 },
    { when: "it is set forward", happens: (on) => (on.pass(2), on.set(60), on.pass(3)), seconds: 65 },
    {
      when: "it is set forward and back",
      happens: (on, look) => (on.set(60), look(), on.set(-60), look(), on.pass(5)),
      seconds: 65,
    },
    {
      when: "it is set back and forward",
      happens: (on, look) => (on.set(-60), look(), on.set(60), look(), on.pass(5)),
      seconds: 65,
    },
    { when: "the machine sleeps for an hour", happens: (on) => (on.pass(2), on.set(3600), on.pass(3)), seconds: 3605 },
    {
      when: "the machine sleeps after its clock was set back",
      happens: (on, look) => (on.set(-60), look(), on.pass(2), on.set(3600), on.pass(3)),
      seconds: 3605,
    },
    {
      when: "the clock is trimmed",
      happens: (on, look) => (on.pass(2), look(), on.set(-0.2), on.pass(3)),
      seconds: 4.8,
    },
  ])("is right, or longer, when $when", ({ happens, seconds }) => {
    expect(secondsAfter(happens)).toBe(seconds);
  });

  it("is not taken for longer because the process was held up while it looked", () => {
    const seconds = secondsAfter((on, look) => {
      on.pass(2);
      on.heldUp(400);
      look();
      on.heldUp(0);
    });
    expect(seconds).toBeLessThan(3);
  });
});

describe("another process of the machine", () => {
  it.each([
    { when: "the clock was set back before it began", set: -10, ahead: 10_000 },
    { when: "the clock was set forward before it began", set: 10, ahead: 0 },
    { when: "nothing was set", set: 0, ahead: 0 },
  ])("goes on from where the first one was when $when", ({ set, ahead }) => {
    const on = machine();
    const first = new SteadyClock(on.time);
    const { state } = first;
    on.pass(1);
    on.set(set);
    const second = new SteadyClock(on.time);
    second.goOnFrom(state);
    expect([second.ahead, second.now()]).toEqual([ahead, first.now()]);
  });
});
