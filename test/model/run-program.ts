/**
 * Runs one program: every client alone on the bare framework, then all of them through the cache as the schedule
 * says, then those who come afterwards. Never judges.
 */
import { performance } from "node:perf_hooks";
import type { Bench, Door, Mounted } from "./bench.js";
import { SocketClient } from "./client.js";
import type { Asked, Client, Manners, Received } from "./client.js";
import { Http2Client } from "./http2-client.js";
import { turns } from "./gates.js";
import { PROBES } from "./probes.js";
import { withoutUndefined } from "./program.js";
import type { Act, ClientScript, Program } from "./program.js";

/** Turns of the event loop in which what is on its way over loopback arrives. */
const SETTLE_TURNS = 5;
/** Turns without a byte after which nothing moves any more. */
const CALM_TURNS = 40;
/** Longest wait for a bare answer. */
const BARE_MS = 1_500;

/** A tag that no page has. */
export const OTHER_TAG = '"another"';

export interface Limits {
  /** How long a client may wait once nothing holds its answer up. */
  readonly patienceMs: number;
}

export interface Seen {
  readonly who: string;
  readonly script: ClientScript;
  readonly asked: Asked;
  readonly received: Received;
  /** What the bare framework answers to the same request when it is the only one. */
  readonly bare: Received;
  /** Milliseconds from when nothing held it up any more. */
  readonly tookMs: number;
  /** Whether it came after everybody else was over. */
  readonly afterwards: boolean;
}

export interface Observation {
  readonly seen: readonly Seen[];
  readonly renders: number;
  /** Answers of the bare framework to other methods: what a HEAD may be judged by. */
  bareTo(asked: Asked): Promise<Received>;
}

export async function runProgram(bench: Bench, program: Program, limits: Limits): Promise<Observation> {
  const mounted = bench.mount(program);
  try {
    return await new Runner(bench, mounted, program, limits).run();
  } finally {
    bench.unmount(mounted);
  }
}

/** Only what the bare framework does with it: whether it comes to harm by itself. */
export async function runBare(bench: Bench, program: Program, limits: Limits): Promise<void> {
  const mounted = bench.mount(program);
  await new Runner(bench, mounted, program, limits).runBare();
  bench.unmount(mounted);
}

class Runner {
  readonly #bench: Bench;
  readonly #mounted: Mounted;
  readonly #program: Program;
  readonly #limits: Limits;
  readonly #bare = new Map<string, Promise<readonly Received[]>>();
  readonly #clients = new Map<number, { readonly client: Client; readonly asked: Asked }>();
  #lastTag: string | undefined;

  constructor(bench: Bench, mounted: Mounted, program: Program, limits: Limits) {
    this.#bench = bench;
    this.#mounted = mounted;
    this.#program = program;
    this.#limits = limits;
  }

  async run(): Promise<Observation> {
    const { clients, acts = [], world } = this.#program;
    if (world?.disk) this.#bench.disk?.fail(world.disk);
    for (const act of acts) {
      await this.#act(act);
      await turns(SETTLE_TURNS);
    }
    for (const index of clients.keys()) await this.#act(`join ${index}`);
    await turns(SETTLE_TURNS);
    this.#mounted.gates.openAll();
    for (const { client } of this.#clients.values()) client.read();
    await this.#leaveAtLast();
    const seen = await this.#awaitAll();
    const { renders } = this.#mounted;
    for (const probe of PROBES) {
      // One that waits in vain says enough.
      if (seen.some(({ received, bare }) => received.end === "none" && bare.end !== "none")) break;
      if (probe.door === "second" && this.#program.world?.second !== true) continue;
      const { coding, language } = clients[0] ?? {};
      const script = { ...probe.script, ...(coding && { coding }), ...(language && { language }) };
      const last = await this.#probe(probe.who, script, probe.door);
      if (last === undefined) break;
      seen.push(last);
    }
    // What a HEAD may be judged by is asked for while the program is there.
    for (const { asked } of seen) {
      const { method, ...asGet } = asked;
      if (method === "HEAD") await this.#bareTo(asGet);
    }
    return { seen, renders, bareTo: async (asked) => (await this.#bareTo(asked))[0]! };
  }

  async runBare(): Promise<void> {
    for (const script of [...this.#program.clients, ...PROBES.map((probe) => probe.script)])
      await this.#bareTo(this.#asked(script));
    await turns(SETTLE_TURNS);
  }

  async #act(act: Act): Promise<void> {
    const [verb, number] = act.split(" ");
    const index = Number(number);
    const { cache, clock } = this.#bench;
    switch (verb) {
      case "join":
        return this.#join(index);
      case "leave":
        return this.#clients.get(index)?.client.leave();
      case "read":
        return this.#clients.get(index)?.client.read();
      case "go":
        return this.#mounted.gates.go();
      case "calm":
        return this.#calm();
      case "purge":
        await cache.purge(this.#mounted.target).catch((error) => {
          if (this.#program.world?.disk === undefined) throw error;
        });
        return undefined;
      default:
        return clock.advance(3600);
    }
  }

  async #join(index: number): Promise<void> {
    const script = this.#program.clients[index];
    if (script === undefined || this.#clients.has(index)) return;
    const asked = this.#asked(script);
    const client = await this.#ask("cached", asked, script);
    this.#clients.set(index, { client, asked });
    await turns(SETTLE_TURNS);
    if (script.leaves === "before-head" && !client.begun) client.leave();
  }

  #asked({ match, method, range, coding, language, http10, twice }: ClientScript): Asked {
    const tag = match === "same" ? (this.#lastTag ?? OTHER_TAG) : match === "other" ? OTHER_TAG : match;
    const target = this.#mounted.target;
    return withoutUndefined({ target, method, range, tag, coding, language, http10, twice });
  }

  async #ask(door: Door, asked: Asked, manners: Manners): Promise<Client> {
    const { world = {} } = this.#program;
    const to = await this.#bench.address(door, world);
    return world.http2 ? new Http2Client(to, asked, manners) : new SocketClient(to, asked, manners);
  }

  // Until nothing moves, or everything is over.
  async #calm(): Promise<void> {
    const clients = [...this.#clients.values()].map(({ client }) => client);
    const progress = (): number => clients.reduce((sum, client) => sum + client.progress, 0);
    for (let still = 0, last = -1; still < CALM_TURNS && !clients.every(({ settled }) => settled); still++) {
      await turns(1);
      if (progress() !== last) still = 0;
      last = progress();
    }
    this.#learnTags();
  }

  // Also where their answers were shorter than what they wanted to see of them, or have not come that far.
  async #leaveAtLast(): Promise<void> {
    const leavers = [...this.#clients].filter(([index]) => this.#program.clients[index]!.leaves !== undefined);
    if (leavers.every(([, { client }]) => client.settled)) return;
    await this.#calm();
    for (const [, { client }] of leavers) client.leave();
  }

  #learnTags(): void {
    for (const { client } of this.#clients.values())
      for (const { fields } of client.received)
        this.#lastTag = fields.find(([name]) => name.toLowerCase() === "etag")?.[1] ?? this.#lastTag;
  }

  async #awaitAll(): Promise<Seen[]> {
    const since = performance.now();
    for (const { client, asked } of this.#clients.values()) {
      const bare = await this.#bareTo(asked);
      // One that gets no answer without the cache either is not waited for.
      if (bare.some(({ end }) => end === "none")) await turns(CALM_TURNS);
      else await within(client.done(), since + this.#limits.patienceMs - performance.now());
    }
    // All at once: one that stops has gone, for its handler.
    for (const { client } of this.#clients.values()) client.stop();
    const seen: Seen[] = [];
    for (const [index, { client, asked }] of this.#clients) {
      const script = this.#program.clients[index]!;
      const bare = await this.#bareTo(asked);
      for (const [nth, received] of client.received.entries()) {
        // Behind an answer that has no end but the connection's there is no other.
        if (nth > 0 && bare[0]!.unframed) break;
        const who = `client ${index}${nth > 0 ? ", again" : ""}`;
        const tookMs = Math.max(0, received.at - since);
        seen.push({ who, script, asked, received, bare: bare[nth]!, tookMs, afterwards: false });
      }
    }
    this.#learnTags();
    return seen;
  }

  async #probe(who: string, script: ClientScript, door: Door = "cached"): Promise<Seen | undefined> {
    const asked = this.#asked(script);
    const [bare] = await this.#bareTo(asked);
    if (bare!.end === "none") return undefined;
    const since = performance.now();
    const client = await this.#ask(door, asked, {});
    await within(client.done(), this.#limits.patienceMs);
    client.stop();
    const received = client.received[0]!;
    return { who, script, asked, received, bare: bare!, tookMs: received.at - since, afterwards: true };
  }

  // No framework here cuts a range by itself, and another tag than the page's is no condition.
  #bareTo(given: Asked): Promise<readonly Received[]> {
    const tag = given.tag === OTHER_TAG ? undefined : given.tag;
    const asked = withoutUndefined({ ...given, range: undefined, tag });
    const key = JSON.stringify(asked);
    const known = this.#bare.get(key);
    if (known !== undefined) return known;
    const answer = this.#askBare(asked);
    this.#bare.set(key, answer);
    return answer;
  }

  async #askBare(asked: Asked): Promise<readonly Received[]> {
    const parked = new Promise<void>((resolve) => (this.#mounted.parked = resolve));
    const client = await this.#ask("bare", asked, {});
    await within(Promise.race([client.done(), parked]), BARE_MS);
    for (let turn = 0; turn < CALM_TURNS && !client.settled; turn++) await turns(1);
    client.stop();
    return client.received;
  }
}

/** Until it is done, or for so long at most: how long a client may wait is judged. A limit for what hangs, no sleep. */
async function within(done: Promise<void>, ms: number): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<void>((resolve) => (timer = setTimeout(resolve, Math.max(0, ms))));
  await Promise.race([done, late]);
  clearTimeout(timer);
}
