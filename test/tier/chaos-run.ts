/** The chaos: machines with processes over a real server, asked and told to purge while things go wrong. An answer is
 * *stale* when its request began after a purge had resolved, and it is older than what that purge named. */
import { setTimeout as pause } from "node:timers/promises";
import { goWrong, oneOf, seeded } from "./chaos-faults.js";
import type { FaultName } from "./chaos-faults.js";
import { Scene } from "./chaos-scene.js";
import type { SceneOptions, Worker } from "./chaos-scene.js";

export interface ChaosOptions extends Omit<SceneOptions, "tags" | "timeoutMs"> {
  readonly seconds: number;
  readonly seed: number;
  readonly faults: readonly FaultName[];
  /** Whether machines are left alone until they have told an engine again what it has lost. */
  readonly rests: boolean;
  /** Told what happens, as it happens. */
  readonly tell: (line: string) => void;
  /** Ends it early. */
  readonly signal?: AbortSignal;
}

export interface ChaosSums {
  requests: number;
  hits: number;
  /** Requests that a process did not answer, because it was killed or stopped. */
  unanswered: number;
  confirmed: number;
  rejected: number;
  /** Purges whose process did not answer: nothing is promised of them. */
  unknown: number;
  /** Milliseconds that confirmed purges took. */
  readonly tookMs: number[];
  readonly stale: string[];
  /** Purges that are not seen everywhere although all is mended: those that were rejected are delivered, too. */
  readonly undelivered: string[];
  readonly faults: Partial<Record<FaultName, number>>;
}

const TAGS = 40;
const PAGES = ["a", "b", "slow"];
const CLIENTS_OF_WORKER = 2;
const PURGERS = 12;
const TIMEOUT_MS = 6_000;
const MENDED_MS = 30_000;

export async function chaos(options: ChaosOptions): Promise<ChaosSums> {
  const scene = await Scene.start({ ...options, tags: TAGS, timeoutMs: TIMEOUT_MS });
  try {
    return await new Chaos(scene, options).run();
  } finally {
    await scene.end();
  }
}

class Chaos {
  readonly #scene: Scene;
  readonly #options: ChaosOptions;
  readonly #since = performance.now();
  readonly #versions = new Uint32Array(TAGS);
  /** The newest version that a resolved purge has named, and when it did. */
  readonly #confirmed = new Uint32Array(TAGS);
  readonly #confirmedMs = new Float64Array(TAGS);
  /** The same, with purges that were rejected. */
  readonly #owed = new Uint32Array(TAGS);
  readonly #sums: ChaosSums = {
    requests: 0,
    hits: 0,
    unanswered: 0,
    confirmed: 0,
    rejected: 0,
    unknown: 0,
    tookMs: [],
    stale: [],
    undelivered: [],
    faults: {},
  };

  constructor(scene: Scene, options: ChaosOptions) {
    this.#scene = scene;
    this.#options = options;
  }

  async run(): Promise<ChaosSums> {
    const { faults, rests, seed } = this.#options;
    const scene = this.#scene;
    const over = (): boolean => this.#over();
    const begun = (fault: FaultName): void => {
      this.#sums.faults[fault] = (this.#sums.faults[fault] ?? 0) + 1;
      this.#tell(fault);
    };
    let ended = false;
    const traffic = [
      ...scene.workers.flatMap((worker, index) =>
        Array.from({ length: CLIENTS_OF_WORKER }, () => this.#client(worker, index, () => ended)),
      ),
      ...Array.from({ length: PURGERS }, (_, index) => this.#purger(seed + 10 + index)),
    ];
    try {
      await goWrong({ scene, seed, chosen: faults, rests, over, begun });
      while (!over()) await pause(50);
    } finally {
      ended = true;
      await Promise.all(traffic);
    }
    await this.#mended();
    return this.#sums;
  }

  #over(): boolean {
    return performance.now() - this.#since > this.#options.seconds * 1000 || this.#options.signal?.aborted === true;
  }

  async #client(worker: Worker, index: number, ended: () => boolean): Promise<void> {
    while (!ended()) {
      await pause(Math.random() * 6);
      if (!worker.serves) continue;
      const tag = Math.floor(Math.random() * TAGS);
      await this.#visit(worker, index, tag, oneOf(Math.random, PAGES));
    }
  }

  async #visit(worker: Worker, index: number, tag: number, page: string): Promise<void> {
    const [atLeast, sinceMs] = [this.#confirmed[tag]!, performance.now()];
    try {
      const { isHit, status, text } = await worker.ask("GET", `/pages/${tag}/${page}`);
      if (status !== 200) throw new Error(`status ${status}`);
      this.#sums.requests++;
      if (isHit) this.#sums.hits++;
      if (Number(text) >= atLeast) return;
      const agoMs = Math.round(sinceMs - this.#confirmedMs[tag]!);
      const what = `process ${index}, tag ${tag}: version ${text}, and ${atLeast} was purged ${agoMs} ms before`;
      this.#sums.stale.push(what);
      this.#tell(`STALE ${what}`);
    } catch {
      this.#sums.unanswered++;
    }
  }

  async #purger(seed: number): Promise<void> {
    const random = seeded(seed);
    while (!this.#over()) {
      await pause(random() * 80);
      const worker = oneOf(random, this.#scene.workers);
      if (worker.serves) await this.#purge(worker, Math.floor(random() * TAGS), random() < 0.2 ? "DELETE" : "POST");
    }
  }

  async #purge(worker: Worker, tag: number, method: "POST" | "DELETE"): Promise<void> {
    const version = (this.#versions[tag]! += 1);
    this.#scene.set(tag, version);
    const sinceMs = performance.now();
    const status = await worker.ask(method, `/purge/${tag}`).then(
      (answer) => answer.status,
      () => undefined,
    );
    if (status === undefined) return void this.#sums.unknown++;
    this.#owed[tag] = Math.max(this.#owed[tag]!, version);
    if (status !== 204) return void this.#sums.rejected++;
    this.#sums.confirmed++;
    this.#sums.tookMs.push(performance.now() - sinceMs);
    if (version <= this.#confirmed[tag]!) return;
    this.#confirmed[tag] = version;
    this.#confirmedMs[tag] = performance.now();
  }

  // All is mended: what was purged is purged everywhere before long.
  async #mended(): Promise<void> {
    this.#tell("all is mended");
    const untilMs = performance.now() + MENDED_MS;
    const { workers } = this.#scene;
    await this.#scene.inTouch(() => performance.now() > untilMs);
    for (const [index, worker] of workers.entries()) {
      for (let tag = 0; tag < TAGS; tag++) {
        const { text } = await worker.ask("GET", `/pages/${tag}/a`);
        if (Number(text) >= this.#owed[tag]!) continue;
        this.#sums.undelivered.push(`process ${index}, tag ${tag}: version ${text} instead of ${this.#owed[tag]}`);
      }
    }
  }

  #tell(what: string): void {
    this.#options.tell(`${((performance.now() - this.#since) / 1000).toFixed(2)} s ${what}`);
  }
}
