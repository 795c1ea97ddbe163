/** What an answer puts out of date (RFC 9111 §4.3.3, §4.4): the stored response that it replaces, and what an unsafe
 * method changed. */
import type { CacheContext } from "../page-cache/context.js";
import { atMost } from "../base/async.js";
import { undeliveredError } from "../base/errors.js";
import type { ResponseHead } from "../base/exchange.js";
import { isStaleOnErrorStatus } from "../http/reusability.js";
import { invalidateByUnsafeMethod } from "../invalidate/unsafe-method.js";
import { NOT_ADMITTED } from "./decide-storing.js";
import type { ForwardPlan } from "./forward-plan.js";

/** Answers about the request: it asked for a part, set a condition or lacked one, or there were too many like it. */
const ABOUT_THE_REQUEST: ReadonlySet<number> = new Set([206, 304, 412, 416, 417, 428, 429]);
/** The page may be stored: admission refused it, the disk did not accept it, or this response broke off. */
const MAY_BE_STORED: ReadonlySet<string> = new Set([NOT_ADMITTED, "store", "purged", "length", "aborted"]);

/** Invalidates a stored response when the application now answers, in its place, what may not be stored; otherwise it
 * would be served for as long as its stale windows last. For an answer to HEAD, `headTold` decides.
 * @param status of an answer that is not stored
 * @param reason why it is not */
export function endSuperseded(
  { store }: CacheContext,
  { request, selection, facts }: Pick<ForwardPlan, "request" | "selection" | "facts">,
  status: number,
  reason: string,
): void {
  if (selection === undefined || request.method === "HEAD" || MAY_BE_STORED.has(reason)) return;
  // What a client with credentials or cookies of its own gets does not show what others get.
  if (facts.authorization || facts.cookies) return;
  // RFC 9111 §4.3.3: an application that fails has not said that the page has changed.
  if (ABOUT_THE_REQUEST.has(status) || isStaleOnErrorStatus(status)) return;
  store.removeForAll(selection.entry.head);
}

/** What a request that changes something puts out of date. */
export interface PutOut {
  /** Resolves when no machine answers with it, or that has failed. `undefined`: nothing is out of date. */
  readonly purged: Promise<void> | undefined;
  /** Whether nothing else has invalidated its own page while it was made, as far as no tag is concerned. */
  readonly survived: boolean;
}

export function putOutOfDate(
  context: CacheContext,
  { page, policy, request, birth }: ForwardPlan,
  head: ResponseHead,
): PutOut {
  const survived =
    request.method === "POST" &&
    page !== undefined &&
    context.store.survivesPurges({ scope: page.scope, name: page.name, tags: [], birth });
  const asks = page !== undefined && policy.methods.includes(request.method);
  return { survived, purged: invalidateByUnsafeMethod(context, request, head, asks) };
}

/** How long the response to a request that has changed something waits for other machines. */
const HELD_MS = 1_000;

/** @returns resolves when no machine answers with what was, or after a second; never rejects */
export function untilPurged({ observer }: CacheContext, { purged }: PutOut): Promise<void> | undefined {
  if (purged === undefined) return undefined;
  return atMost(HELD_MS, purged, () =>
    observer.error(undeliveredError(new Error("the response does not wait longer"))),
  );
}
