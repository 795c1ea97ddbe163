/** What a response that is being stored is made of: what was known when it began, and what follows from that for the
 * stored response and its entry. */
import type { Coding } from "../../base/codings.js";
import type { RequestHead, ResponseHead } from "../../base/exchange.js";
import type { ClientCacheControl } from "../../http/patch-cache-control.js";
import { expiresAt } from "../../http/stored-policy.js";
import type { StoredPolicy } from "../../http/stored-policy.js";
import { mayBeTagged } from "../../http/validators.js";
import type { PageKey } from "../../key/page-key.js";
import type { EntryHead, LogPosition } from "../../store/contract.js";
import { hasHandlerValidator } from "../../stored/stored-response.js";
import type { CodingOffer, OuterFields, StoredHoles, StoredResponse } from "../../stored/stored-response.js";

/** What a capture is for. */
export interface CapturePlan {
  readonly page: PageKey;
  /** The request as it was before the handler ran. */
  readonly request: RequestHead;
  readonly head: ResponseHead;
  readonly policy: StoredPolicy;
  readonly vary: readonly string[];
  readonly outer: OuterFields;
  readonly clientCacheControl: ClientCacheControl | undefined;
  readonly tags: readonly string[];
  /** More of them may be added until the response has ended. */
  readonly lateTags: readonly string[];
  /** Position of the invalidation log when the handler was called. */
  readonly birth: LogPosition;
  /** The entity tag the client was sent, when it was made here from a body known in advance. */
  readonly ownEtag: string | undefined;
  /** The codings to offer it in, if its length turns out to be worth it. */
  readonly codings: readonly Coding[];
  readonly holes?: StoredHoles | undefined;
}

/** The response as it is stored under `head`. */
export function storedResponse(plan: CapturePlan, head: ResponseHead, offer?: CodingOffer): StoredResponse {
  const { policy, vary, outer, clientCacheControl, holes } = plan;
  return {
    kind: "response",
    head,
    policy,
    vary,
    outer,
    clientCacheControl,
    holes,
    ownEtag: mayBeTagged(plan.head),
    offer,
    ready: undefined,
    lookedAt: 0,
  };
}

/** @param tags all that are known by now
 * @param meta the stored response, encoded */
export function entryHead(
  { page, birth, policy }: CapturePlan,
  tags: readonly string[],
  key: string,
  meta: string,
  stored: StoredResponse,
): EntryHead {
  return {
    key,
    scope: page.scope,
    name: page.name,
    tags,
    meta,
    storedAt: policy.storedAt,
    expiresAt: expiresAt(policy, hasHandlerValidator(stored)),
    birth,
  };
}
