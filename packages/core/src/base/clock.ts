/** The time, as the cache reads it; a test gives a clock that it moves by hand. */
import { performance } from "node:perf_hooks";

/** A source of wall-clock time. */
export interface Clock {
  /** Epoch milliseconds. */
  now(): number;
}

/** What a clock knows of the machine's clock: for other processes of the same machine to continue from. */
export interface ClockState {
  /** How far the machine's clock was ahead of its steady one when it was last set, milliseconds. */
  readonly offset: number;
  /** How far it was set back since, in total. */
  readonly ahead: number;
}

/** The clocks of the machine: one that may be set, and milliseconds since the machine started, which never jump and
 * may stop while it sleeps. */
export interface MachineTime {
  readonly wall: () => number;
  readonly steady: () => number;
}

/** Milliseconds of a clock that never jumps: the process's own. */
export const elapsedMs = (): number => performance.now();

/** A change smaller than this is ignored. */
const STEP_MS = 250;
/** A comparison of both clocks that took longer is ignored: the process was held up in between. */
const LONGEST_LOOK_MS = 50;

// From the origin of `performance`, the start of the process, to the origin that all processes of the machine share.
const startedMs = Number(process.hrtime.bigint()) / 1e6 - performance.now();

/** Milliseconds of the steady clock that all processes of the machine share. */
export const steadyMs = (): number => startedMs + performance.now();

const MACHINE: MachineTime = { wall: () => Date.now(), steady: steadyMs };

/** The machine's clock: follows it forward, and continues when it is set back, so that the age of what was stored
 * before stays right. */
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

  /** How far the machine's clock was set back in total, at the last check. */
  get ahead(): number {
    return this.#ahead;
  }

  get state(): ClockState {
    this.now();
    return { offset: this.#offset, ahead: this.#ahead };
  }

  /** Continues from the state of another process of this machine. */
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

/** A moment of a clock in terms of HTTP dates: handlers make those with the machine's clock as it is. */
export function dated(clock: Clock, moment: number): number {
  return clock instanceof SteadyClock ? moment - clock.ahead : moment;
}

/** Whether the machine's clock was set between two readings. */
export function isStep(before: number, after: number): boolean {
  return Math.abs(after - before) > STEP_MS;
}

function setBackBy(before: number, after: number): number {
  return isStep(before, after) ? Math.max(0, Math.ceil(before - after)) : 0;
}
