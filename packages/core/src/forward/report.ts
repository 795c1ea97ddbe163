/** What is reported of one forward: once, that the application was asked and why; once, whether its response is stored;
 * and to callers that asked for it, the latter too. Decides nothing. */
import { performance } from "node:perf_hooks";
import type { CacheContext } from "../page-cache/context.js";
import { andThen } from "../base/async.js";
import type { MaybeAsync } from "../base/async.js";
import type { RawHeaders, RequestHead } from "../base/exchange.js";
import type { ForwardReason } from "../http/cache-status.js";
import { fieldLines } from "../http/fields.js";
import { undeclaredCookies } from "../key/cookies.js";
import type { ResolvedOptions } from "../options/resolve-options.js";
import type { ForwardPlan } from "./forward-plan.js";

export class ForwardReport {
  readonly #context: Pick<CacheContext, "observer" | "options">;
  readonly #plan: ForwardPlan;
  #forwarded: { readonly reason: ForwardReason; readonly detail: string | undefined } | undefined;
  #refusal: { readonly reason: string; readonly rawHeaders: RawHeaders } | undefined;
  readonly #startedMs: number;
  #answered = false;
  #kept: ((kept: MaybeAsync<boolean>) => void) | undefined;

  /** @param plan as it was when the request was forwarded */
  constructor(context: Pick<CacheContext, "observer" | "options">, plan: ForwardPlan) {
    this.#context = context;
    this.#plan = plan;
    this.#startedMs = performance.now();
    plan.keeping?.(new Promise<boolean>((resolve) => (this.#kept = resolve)));
  }

  /** Milliseconds since the request was forwarded. */
  get sinceMs(): number {
    return performance.now() - this.#startedMs;
  }

  /** The application was asked. With credentials, only the response decides whether the request counts as a bypass. */
  forwarded(reason: ForwardReason = this.#plan.reason, detail?: string): void {
    if (this.#forwarded !== undefined) return;
    const { reason: known, detail: knownDetail, request, own, page } = this.#plan;
    const credential = reason === "bypass" && known !== "bypass";
    const said = credential ? detail : knownDetail;
    this.#forwarded = { reason, detail: said };
    const origin = { own, leftAlone: page === undefined };
    this.#context.observer.forward(request.target, reason, said, () => this.#names(said, []), origin);
  }

  stored(bytes: number): void {
    const { request, own } = this.#plan;
    this.#context.observer.stored(request.target, bytes, own);
  }

  /** @param rawHeaders of the response, where they are the reason */
  notStored(reason: string, rawHeaders: RawHeaders = []): void {
    const { request, own } = this.#plan;
    this.#refusal ??= { reason, rawHeaders };
    this.#context.observer.notStored(request.target, reason, () => this.#names(reason, rawHeaders), own);
  }

  /** A stored response is fresh again, or is not for that reason. */
  freshened(bytes: number, refusal: string | undefined, kept: MaybeAsync<boolean>): void {
    this.kept(kept);
    void andThen(kept, (stored) => {
      if (stored) this.stored(bytes);
      else this.notStored(refusal ?? "store");
    });
  }

  /** The first answer counts. */
  kept(kept: MaybeAsync<boolean>): void {
    this.#kept?.(kept);
  }

  /** The client has another answer, which is reported by itself: a stale page in place of this response, or that of an
   * exchange which has taken over. */
  answeredElsewhere(): void {
    this.#answered = true;
  }

  /** The response is over.
   * @param kept whether it is stored, or the stored one is fresh again */
  over(kept: MaybeAsync<boolean>): void {
    const { observer } = this.#context;
    const { own, request } = this.#plan;
    if (own || this.#answered || !observer.isWatched || this.#forwarded === undefined) return;
    const { reason, detail } = this.#forwarded;
    const ms = this.sinceMs;
    void andThen(kept, (stored) => {
      const refusal = stored ? undefined : this.#refusal?.reason;
      const names = this.#names(refusal ?? detail, this.#refusal?.rawHeaders ?? []);
      observer.over({ method: request.method, url: request.target, reason, detail, stored, refusal, names, ms });
    });
  }

  #names(reason: string | undefined, rawHeaders: RawHeaders): readonly string[] {
    const { request, policy } = this.#plan;
    return namesBehind(this.#context.options, request, policy.keyHeaders, reason, rawHeaders);
  }
}

/** The cookies or fields that a reason is about, by name. Never a value.
 * @param keyed request fields that are in the key
 * @param rawHeaders of the response */
export function namesBehind(
  { cookies, credentials }: Pick<ResolvedOptions, "cookies" | "credentials">,
  request: RequestHead,
  keyed: readonly string[],
  reason: string | undefined,
  rawHeaders: RawHeaders = [],
): readonly string[] {
  if (reason === "cookie") return undeclaredCookies(String(request.headers.cookie ?? ""), cookies);
  if (reason === "authorization") return credentials.namesIn(request, keyed);
  return reason === "set-cookie" ? cookiesSet(rawHeaders) : [];
}

function cookiesSet(rawHeaders: RawHeaders): readonly string[] {
  const names = fieldLines(rawHeaders, "set-cookie").map((line) => line.split(/[=;]/, 1)[0]!.trim());
  return [...new Set(names)];
}
