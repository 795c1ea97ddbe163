/** What is reported of a forward: once, that the application was asked, and to callers that asked for it, whether its
 * response is stored. Decides nothing. */
import type { CacheContext } from "../page-cache/context.js";
import { andThen } from "../base/async.js";
import type { MaybeAsync } from "../base/async.js";
import type { ForwardReason } from "../http/cache-status.js";
import type { ForwardPlan } from "./forward-plan.js";

export class Told {
  readonly #observer: CacheContext["observer"];
  #forwarded = false;
  #kept: ((kept: MaybeAsync<boolean>) => void) | undefined;

  constructor({ observer }: CacheContext, { keeping }: ForwardPlan) {
    this.#observer = observer;
    keeping?.(new Promise<boolean>((resolve) => (this.#kept = resolve)));
  }

  /** With credentials, only the response decides whether the request counts as a bypass. */
  forwarded(
    { reason: known, detail: knownDetail, request }: ForwardPlan,
    reason: ForwardReason,
    detail?: string,
  ): void {
    if (this.#forwarded) return;
    this.#forwarded = true;
    const credential = reason === "bypass" && known !== "bypass";
    this.#observer.forward(request.target, reason, credential ? detail : knownDetail);
  }

  /** A stored response is fresh again, or is not for that reason. */
  freshened(
    { request: { target } }: ForwardPlan,
    bytes: number,
    refusal: string | undefined,
    kept: MaybeAsync<boolean>,
  ) {
    this.kept(kept);
    void andThen(kept, (stored) => {
      if (stored) this.#observer.stored(target, bytes);
      else this.#observer.notStored(target, refusal ?? "store");
    });
  }

  /** The first answer counts. */
  kept(kept: MaybeAsync<boolean>): void {
    this.#kept?.(kept);
  }
}
