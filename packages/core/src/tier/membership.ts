/** The part of a cache in what machines share: passes purges on, both ways, and says how it is between them. */
import { tierError } from "../base/errors.js";
import type { DiskCacheError } from "../base/errors.js";
import { steadyMs } from "../base/clock.js";
import type { TellOwner } from "../store/faults.js";
import { ownBoot } from "../store/process-identity.js";
import type { TierStats } from "../store/contract.js";
import type { SharedDirectory, ShareOptions, Sharing } from "../store/sharing.js";
import type { OwnPurge } from "../store/log/chain-notes.js";
import { ChainText } from "./chain-text.js";
import type { Beat } from "./contract.js";
import { Publisher } from "./publisher.js";
import { ChainRelay } from "./relay.js";
import type { RelayEvent } from "./relay.js";
import type { ResolvedTier } from "./settings.js";
import { machineTime } from "./time.js";
import type { TierTime } from "./time.js";

export type TierEventName = "joined" | "cut-off" | RelayEvent;

/** What each means, for those who read it. */
const DETAILS: Readonly<Record<TierEventName, string>> = {
  joined: "this machine has heard from the engine, and lacks no purge",
  "cut-off": "this machine has not heard from the engine for a lease",
  "catching-up": "this machine lacks many purges, and takes them over",
  reconciled: "the engine has lost purges: this machine puts there again what it knows of them",
  emptied: "purges are lost to this machine: everything stored here counts as purged",
  unreadable: "a purge was not written with our secret: everything stored here counts as purged",
};

export interface MembershipDeps {
  readonly settings: ResolvedTier;
  readonly boot: string;
  readonly time: TierTime;
  readonly secrets: readonly Buffer[] | undefined;
  readonly encrypt: boolean;
  readonly tell: (event: TierEventName) => void;
  readonly fault: (error: DiskCacheError) => void;
}

/** How the store of a cache shares its purges with other machines.
 * @param tell takes note of events and faults
 * @returns `undefined` where it does not */
export function sharingOf(
  settings: ResolvedTier | undefined,
  { encrypt, secrets }: { readonly encrypt: boolean; readonly secrets: readonly Buffer[] | undefined },
  tell: TellOwner,
): ShareOptions | undefined {
  if (settings === undefined) return undefined;
  return sharing({
    settings,
    boot: ownBoot ?? "",
    time: machineTime(steadyMs),
    secrets,
    encrypt,
    tell: (state) => tell("tier", { state, detail: DETAILS[state] }),
    fault: (error) => tell("error", error),
  });
}

/** The same, with the time as it is given. */
export function sharing(deps: MembershipDeps): ShareOptions {
  const { boot, settings, time } = deps;
  const { leaseMs, whenCutOff } = settings;
  return {
    lease: { leaseMs, whenCutOff, boot, steady: () => time.steady(), wall: () => time.wall() },
    open: (directory) => new Membership(directory, deps),
  };
}

class Membership implements Sharing {
  readonly #deps: MembershipDeps;
  readonly #directory: SharedDirectory;
  readonly #relay: ChainRelay;
  readonly #publisher: Publisher;
  #heard: Beat | undefined = undefined;
  #wasIn = false;
  #everIn = false;
  #failing = false;
  #closed = false;
  #cancelWatch: () => void = () => undefined;

  constructor(directory: SharedDirectory, deps: MembershipDeps) {
    const { boot, encrypt, secrets, settings, tell, time } = deps;
    this.#deps = deps;
    this.#directory = directory;
    const text = new ChainText(secrets, encrypt);
    const failed = (error: unknown): void => this.#failed(error);
    const answered = (): void => void (this.#failing = false);
    this.#publisher = new Publisher({ directory, settings, time, text, answered, failed });
    this.#relay = new ChainRelay({
      directory,
      settings,
      boot,
      time,
      text,
      tell,
      failed,
      heard: (beat) => {
        this.#heard = beat;
        answered();
      },
    });
    // Not before the owner can listen, and not for a cache that is made and never used in this turn.
    time.after(0, () => {
      if (this.#closed) return;
      this.#publisher.start();
      this.#relay.start();
      this.#watch();
    });
  }

  publish(purges: readonly OwnPurge[]): Promise<void> {
    return this.#publisher.publish(purges);
  }

  stats(): TierStats {
    const { chain } = this.#directory;
    if (!this.#closed) this.#directory.look();
    const contactAgeMs = this.#directory.contactAgeMs();
    const isIn = contactAgeMs <= this.#deps.settings.leaseMs;
    const position = chain.stand?.number ?? 0;
    return {
      state: isIn ? "joined" : this.#everIn ? "cut-off" : "joining",
      machine: this.#directory.machine(),
      position,
      behind: Math.max(0, (this.#heard?.last ?? 0) - position),
      contactAgeMs,
      machines: Math.max(this.#heard?.machines ?? 0, this.#publisher.machines),
      unpublished: chain.ownCount,
      confirmMs: percentiles(this.#publisher.latencies),
      relay: this.#relay.active,
    };
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    this.#cancelWatch();
    await this.#publisher.close();
    await this.#relay.stop(this.#directory.alone);
  }

  // Any process may have written the contact, so each looks for itself.
  #watch(): void {
    const { leaseMs } = this.#deps.settings;
    if (this.#closed) return;
    this.#cancelWatch = this.#deps.time.after(leaseMs / 8, () => this.#watch());
    this.#directory.look();
    const isIn = this.#directory.contactAgeMs() <= leaseMs;
    if (isIn === this.#wasIn) return;
    this.#wasIn = isIn;
    this.#everIn = true;
    this.#deps.tell(isIn ? "joined" : "cut-off");
  }

  // An engine that is away fails many times: told once, until it has answered again.
  #failed(error: unknown): void {
    if (this.#failing || this.#closed) return;
    this.#failing = true;
    this.#deps.fault(tierError("the engine does not answer", error));
  }
}

function percentiles(latencies: readonly number[]): TierStats["confirmMs"] {
  if (latencies.length === 0) return undefined;
  const sorted = latencies.toSorted((a, b) => a - b);
  const at = (share: number): number =>
    sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] as number;
  return { p50: at(0.5), p99: at(0.99) };
}
