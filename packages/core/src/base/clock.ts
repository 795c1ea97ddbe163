/** Time, as the cache asks for it; a test gives one that it moves by hand. */
import { performance } from "node:perf_hooks";

/** A source of wall-clock time. */
export interface Clock {
  /** Epoch milliseconds. */
  now(): number;
}

/** What a clock knows of the machine's: for others on the same machine to go on from. */
export interface ClockState {
  /** By how much the machine's clock was ahead of its steady one when it was last set, milliseconds. */
  readonly offset: number;
  /** By how much it was set back since, all in all. */
  readonly ahead: number;
}

/** What the machine offers: its clock, which may be set, and milliseconds since it was started, which never step and may stop while it sleeps. */
export interface MachineTime {
  readonly wall: () => number;
  readonly steady: () => number;
}

/** What is set by less counts for nothing. */
const STEP_MS = 250;
/** A look at both clocks that took longer says nothing: the process was held up in between. */
const LONGEST_LOOK_MS = 50;

// Of `performance`, which begins with the process, to what all processes of the machine count from.
const startedMs = Number(process.hrtime.bigint()) / 1e6 - performance.now();

const MACHINE: MachineTime = { wall: () => Date.now(), steady: () => startedMs + performance.now() };

/** The machine's clock, which follows it forward and goes on by itself when it is set back: what was stored before is as old as it is. */
export class SteadyClock implements Clock {
  readonly #machine: MachineTime;
  #offset: number;
  #ahead = 0;
  /** Called when the machine's clock has been set. */
  onStep: (() => void) | undefined;

  constructor(machine = MACHINE) {
    this.#machine = machine;
    this.#offset = machine.wall() - machine.steady();
  }

  now(): number {
    const { wall, steady } = this.#machine;
    const now = wall();
    if (!isStep(this.#offset, now - steady())) return now + this.#ahead;
    this.#check();
    return wall() + this.#ahead;
  }

  /** By how much the machine's clock was set back, all in all, at the last look. */
  get ahead(): number {
    return this.#ahead;
  }

  get state(): ClockState {
    this.now();
    return { offset: this.#offset, ahead: this.#ahead };
  }

  /** Goes on from where another process of this machine was. */
  goOnFrom({ offset, ahead }: ClockState): void {
    const own = this.state;
    this.#ahead = Math.max(own.ahead, ahead + setBackBy(offset, own.offset));
  }

  #check(): void {
    const { wall, steady } = this.#machine;
    const before = steady();
    const offset = wall() - before;
    if (steady() - before > LONGEST_LOOK_MS || !isStep(this.#offset, offset)) return;
    this.#ahead += setBackBy(this.#offset, offset);
    this.#offset = offset;
    this.onStep?.();
  }
}

/** A moment of a clock as HTTP's dates name it: handlers make them with the machine's clock as it is. */
export function dated(clock: Clock, moment: number): number {
  return clock instanceof SteadyClock ? moment - clock.ahead : moment;
}

/** Whether the machine's clock was set between two looks. */
export function isStep(before: number, after: number): boolean {
  return Math.abs(after - before) > STEP_MS;
}

function setBackBy(before: number, after: number): number {
  return isStep(before, after) ? Math.max(0, Math.ceil(before - after)) : 0;
}
