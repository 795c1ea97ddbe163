/**
 * Decides from measured times alone whether the disk is fast enough to be read synchronously. Reads nothing itself.
 *
 * It must not take a busy processor for a slow disk, because it would then make the processor busier: a call through
 * the thread pool costs several times a synchronous one. So a call during which this process never slept has not
 * waited for the disk, however long it took, and the time of one call among many at once is mostly that of the calls
 * before it. The time that a task without any disk access waits in the thread pool is not caused by the disk either.
 * Otherwise a server under load would never find out that its disk is fast, because of the cost of not trusting it.
 */
import { randomFill } from "node:crypto";

/** Weight of the newest measurement in the running mean. */
const WEIGHT = 0.2;
/** A measurement counts as no more than this multiple of the limit: one hiccup of a busy machine is not a slow disk,
 * two in a row are. */
const MOST_TIMES_LIMIT = 4;
/** Past this share of the limit, the mean shows that something was slow lately, and the next calls are measured more
 * closely. */
const SUSPICIOUS_SHARE = 0.2;
/** Asking the system how often the process has slept costs as much as a short read, so calls that follow each other
 * this closely share an answer. */
const ASK_AGAIN_MS = 1;
/** Calls that libuv runs at a time. */
const POOL_THREADS = Math.max(1, Number(process.env.UV_THREADPOOL_SIZE) || 4);

/** How often threads of this process have given up the processor: voluntarily, as when waiting for a disk, and because
 * other threads needed it. */
type Switches = () => { readonly voluntaryContextSwitches: number; readonly involuntaryContextSwitches: number };

/** Calls back through the thread pool, with no other work than that. */
type ThroughPool = (done: () => void) => void;

const scratch = Buffer.alloc(1);

export class SlowGuard {
  #meanMs = 0;
  #slow = false;
  #slowUntil = 0;
  #together = 0;
  /** One control call at a time measures what the thread pool itself costs just now. */
  #controlling = false;
  /** While measuring closely: how often the process had slept before the call, and when that was asked. */
  #sleptBefore: number | undefined = undefined;
  #sleptAskedMs = 0;
  readonly #limitMs: number;
  readonly #spikeMs: number;
  readonly #restMs: number;
  readonly #now: () => number;
  readonly #switches: Switches;
  readonly #throughPool: ThroughPool;

  /** Slow when the running mean passes `limitMs` or one call takes `spikeMs`, for at least `restMs`. */
  constructor(
    limitMs: number,
    spikeMs: number,
    restMs: number,
    now: () => number,
    switches: Switches = () => process.resourceUsage(),
    throughPool: ThroughPool = (done) => randomFill(scratch, done),
  ) {
    this.#limitMs = limitMs;
    this.#spikeMs = spikeMs;
    this.#restMs = restMs;
    this.#now = now;
    this.#switches = switches;
    this.#throughPool = throughPool;
  }

  /** True when the next call may be synchronous. */
  get quick(): boolean {
    return !this.#slow;
  }

  /** Begins a synchronous call. The result goes to `synchronous` when the call is over; no other call begins in
   * between. */
  begin(): number {
    const startedMs = this.#now();
    if (this.#meanMs <= this.#limitMs * SUSPICIOUS_SHARE) this.#sleptBefore = undefined;
    else if (this.#sleptBefore === undefined || startedMs - this.#sleptAskedMs > ASK_AGAIN_MS) {
      this.#sleptBefore = this.#switches().voluntaryContextSwitches;
      this.#sleptAskedMs = startedMs;
    }
    return startedMs;
  }

  synchronous(startedMs: number): void {
    const endedMs = this.#now();
    const took = endedMs - startedMs;
    if (took > this.#limitMs && this.#neverSlept()) return;
    this.#meanMs += (Math.min(took, this.#limitMs * MOST_TIMES_LIMIT) - this.#meanMs) * WEIGHT;
    if (this.#meanMs <= this.#limitMs && took <= this.#spikeMs) return;
    this.#slow = true;
    this.#slowUntil = endedMs + this.#restMs;
  }

  /** Begins an asynchronous call of `trips` trips through the thread pool, one after the other; the returned function
   * is called when it is over. Only these calls end a slow time: a synchronous probe would block every request. */
  asynchronous(trips: number): () => void {
    const startedMs = this.#now();
    const preempted = this.#slow ? this.#switches().involuntaryContextSwitches : 0;
    const together = ++this.#together;
    const control = this.#control(startedMs);
    return () => {
      const meanTogether = (together + this.#together--) / 2;
      if (this.#slow) this.#measured(startedMs, preempted, meanTogether, control && control.tookMs * trips);
    };
  }

  // What one trip through the thread pool takes, measured beside a call that takes several.
  #control(startedMs: number): { tookMs: number } | undefined {
    if (!this.#slow || this.#controlling) return undefined;
    this.#controlling = true;
    const control = { tookMs: 0 };
    this.#throughPool(() => {
      this.#controlling = false;
      control.tookMs = this.#now() - startedMs;
    });
    return control;
  }

  #measured(startedMs: number, preempted: number, meanTogether: number, poolMs: number | undefined): void {
    const endedMs = this.#now();
    const took = endedMs - startedMs;
    const itsOwn = Math.min(took / Math.max(1, meanTogether / POOL_THREADS), took - (poolMs ?? 0));
    if (itsOwn > this.#limitMs) {
      // Otherwise it is not known whether the call waited for the disk, the thread pool or the processor.
      const known = poolMs !== undefined && this.#switches().involuntaryContextSwitches === preempted;
      if (known) this.#slowUntil = endedMs + this.#restMs;
    } else if (endedMs >= this.#slowUntil) {
      this.#slow = false;
      this.#meanMs = 0;
    }
  }

  // A system that does not count switches reports none at all, and nothing is known.
  #neverSlept(): boolean {
    const before = this.#sleptBefore;
    this.#sleptBefore = undefined;
    return before !== undefined && before > 0 && this.#switches().voluntaryContextSwitches === before;
  }
}
