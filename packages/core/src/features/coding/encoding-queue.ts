/** Makes coded bodies in the background: one at a time in a process, one process at a time for each, and never more
 * than a few waiting. No request waits for it. */
import { setImmediate } from "node:timers/promises";
import type { Coding } from "../../base/codings.js";
import { DiskCacheError, internalError } from "../../base/errors.js";
import { LEAST_CODED_BYTES, MOST_CODED_BYTES } from "../../http/codable.js";
import { inOwnContext } from "../../base/async.js";
import type { Observer } from "../../base/observer.js";
import type { EntryHead, Store, StoreEntry } from "../../store/contract.js";
import { encodeCodedBody } from "../../stored/stored-value.js";
import type { StoredResponse } from "../../stored/stored-response.js";
import type { StoredValue } from "../../stored/stored-value.js";
import { encode } from "./encode.js";

/** Bodies that wait to be coded; when there is one more, it is left for another hit. */
const MOST_WAITING = 64;
/** A coded body that is not shorter by at least a tenth is not worth its space, nor a browser's time. */
const MOST_OF_THE_BODY = 0.9;
/** A coded body lives this much longer than its page, which is often rendered again with the same bytes. */
const OUTLIVES_MS = 3_600_000;

/** A coded body to make. */
export interface Wanted {
  /** Where the response is stored, and where its coded body is to be stored. */
  readonly responseKey: string;
  readonly key: string;
  readonly coding: Coding;
}

/** The result: it is there, or is known not to be worth it; another process is making it; there is nothing to make it
 * of any more; it failed. */
export type Made = "settled" | "elsewhere" | "gone" | "failed";

/** Where coded bodies are read from and stored, and whom to notify. */
export interface EncodingDeps {
  readonly store: Store<StoredValue>;
  readonly observer: Observer;
}

export class EncodingQueue {
  readonly #deps: EncodingDeps;
  readonly #told: (wanted: Wanted, made: Made) => void;
  /** By the key of the coded body; the first is the one being made. */
  readonly #waiting = new Map<string, Wanted>();
  readonly #stop = new AbortController();
  #working: Promise<void> | undefined;

  /** @param told called with the result of each, except for those given up by `close` */
  constructor(deps: EncodingDeps, told: (wanted: Wanted, made: Made) => void) {
    this.#deps = deps;
    this.#told = told;
  }

  /** Has it made. False when too many wait already. */
  want(wanted: Wanted): boolean {
    if (this.#stop.signal.aborted) return false;
    if (this.#waiting.has(wanted.key)) return true;
    if (this.#waiting.size >= MOST_WAITING) return false;
    this.#waiting.set(wanted.key, wanted);
    this.#working ??= inOwnContext(() => this.#work());
    return true;
  }

  /** Gives up what is being made and what waits. Resolves when no work is left. */
  async close(): Promise<void> {
    this.#stop.abort();
    this.#waiting.clear();
    await this.#working;
  }

  async #work(): Promise<void> {
    for (;;) {
      // The hit that wanted it goes out first.
      await setImmediate();
      const [wanted] = this.#waiting.values();
      if (wanted === undefined) break;
      const made = await this.#make(wanted);
      if (this.#stop.signal.aborted) break;
      this.#waiting.delete(wanted.key);
      this.#told(wanted, made);
    }
    this.#working = undefined;
  }

  async #make(wanted: Wanted): Promise<Made> {
    const { store, observer } = this.#deps;
    const lock = store.lock(wanted.key);
    if (lock === "held") return "elsewhere";
    try {
      // Between the hit and the lock another process may have made it.
      const there = lock && (await store.getLatest(wanted.key));
      const found = await store.get(wanted.responseKey);
      if (found?.value.kind !== "response" || found.value.offer === undefined) return "gone";
      const entry = found as StoreEntry<StoredResponse>;
      const { bodyTag } = found.value.offer;
      if (there?.value.kind === "coded" && there.value.bodyTag === bodyTag) return "settled";
      return (await this.#encode(wanted, entry, bodyTag)) ? "settled" : "failed";
    } catch (thrown) {
      if (!this.#stop.signal.aborted)
        observer.error(thrown instanceof DiskCacheError ? thrown : internalError("compress", thrown));
      return "failed";
    } finally {
      lock?.release();
    }
  }

  async #encode({ key, coding }: Wanted, entry: StoreEntry<StoredResponse>, bodyTag: string): Promise<boolean> {
    const { store, observer } = this.#deps;
    const { head, bodyBytes } = entry;
    if (bodyBytes < LEAST_CODED_BYTES || bodyBytes > MOST_CODED_BYTES) return false;
    const coded = await encode(coding, entry, bodyBytes * MOST_OF_THE_BODY, this.#stop.signal);
    const worthIt = coded !== undefined;
    const made: EntryHead = {
      ...head,
      key,
      meta: encodeCodedBody({ coding, worthIt, bodyTag }),
      expiresAt: head.expiresAt + OUTLIVES_MS,
    };
    const kept = store.put(made, coded ?? Buffer.alloc(0));
    if (kept) observer.compressed(head.name, coding, bodyBytes, coded?.length);
    return kept;
  }
}
