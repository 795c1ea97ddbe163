/** Which machine renders a page: a lock in the engine beside that of the directory. It saves work and guards nothing:
 * where it is lost, or the engine is away, a page is rendered twice, and each is right by its birth. */
import { randomBytes } from "node:crypto";
import type { EntryHead, LockEnd } from "../store/contract.js";
import type { SharedDirectory } from "../store/sharing.js";
import type { PageLine } from "./page-line.js";
import { nameOf } from "./shared-bytes.js";
import type { TierTime } from "./time.js";

/** A holder that is gone holds it for no longer. */
const HELD_MS = 5_000;
/** However long its holder lives: by then the application has had its chance. */
const LONGEST_MS = 60_000;
const FIRST_POLL_MS = 2;
const LAST_POLL_MS = 8;
const POLL_FACTOR = 1.5;

/** Held by this machine; or by another, which need not be waited for when what it renders has been purged since. */
export type Taken = { readonly release: () => Promise<unknown> } | "held" | "unknown";

export interface SharedLocksDeps {
  readonly line: PageLine;
  readonly directory: SharedDirectory;
  readonly time: TierTime;
}

export class SharedLocks {
  readonly #deps: SharedLocksDeps;
  /** Of those that this process holds: ends the renewing. */
  readonly #held = new Set<() => Promise<unknown>>();

  constructor(deps: SharedLocksDeps) {
    this.#deps = deps;
  }

  /** `"unknown"` when the engine does not say in time.
   * @param making what is made, where a purge can make it obsolete */
  async take(key: string, making: Pick<EntryHead, "scope" | "name"> | undefined): Promise<Taken> {
    const { directory, line } = this.#deps;
    const name = nameOf(key);
    const { number } = directory.chain.stand ?? { number: 0 };
    const token = `${number} ${randomBytes(8).toString("hex")}`;
    let late = false;
    const holder = await line.ask(async (connection) => {
      const answer = await connection.lock(name, token, HELD_MS);
      // This machine renders without it by now: others must not wait for it.
      if (late && answer === "") void connection.unlock(name, token).catch(() => undefined);
      return answer;
    });
    if (holder === undefined) {
      late = true;
      return "unknown";
    }
    if (holder === "") return { release: this.#renewed(name, token) };
    const place = directory.chain.placeAt(Number.parseInt(holder, 10));
    const outdated =
      making !== undefined &&
      place !== undefined &&
      typeof directory.judge(place, { ...making, tags: [] }) === "string";
    return outdated ? "unknown" : "held";
  }

  /** Resolves when no machine holds it, the engine is away, or the time is up. */
  async released(key: string, timeoutMs: number): Promise<LockEnd> {
    const { line, time } = this.#deps;
    const name = nameOf(key);
    const untilMs = time.steady() + timeoutMs;
    let seenMs = HELD_MS;
    for (let pause = FIRST_POLL_MS; !line.closed; pause = Math.min(pause * POLL_FACTOR, LAST_POLL_MS)) {
      const left = await line.ask((connection) => connection.lockLeft(name));
      if (left === undefined) return "over";
      // One that was not given back has run out.
      if (left <= 0) return seenMs <= LAST_POLL_MS * 4 ? "abandoned" : "over";
      seenMs = left;
      const now = time.steady();
      if (now >= untilMs) return "over";
      await line.wait(Math.min(pause, untilMs - now));
    }
    return "over";
  }

  /** Gives back what this process still holds. */
  async close(): Promise<void> {
    await Promise.all([...this.#held].map((end) => end()));
  }

  #renewed(name: string, token: string): () => Promise<unknown> {
    const { line, time } = this.#deps;
    const untilMs = time.steady() + LONGEST_MS;
    let cancel = (): void => undefined;
    let over = false;
    const renew = (): void => {
      cancel = time.after(HELD_MS / 3, () => {
        if (over || time.steady() >= untilMs) return;
        void line.ask((connection) => connection.renewLock(name, token, HELD_MS));
        renew();
      });
    };
    const end = async (): Promise<unknown> => {
      if (over) return;
      over = true;
      cancel();
      this.#held.delete(end);
      return line.ask((connection) => connection.unlock(name, token));
    };
    renew();
    this.#held.add(end);
    return end;
  }
}
