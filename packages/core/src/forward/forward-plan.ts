/** What is known of a forward when it begins, what its leader shares, and what is decided on the way: types, and how
 * waiting requests are released. */
import type { Reads } from "../features/audit/reads.js";
import type { RawHeaders, RequestHead, ResponseHead } from "../base/exchange.js";
import type { Flight } from "./flights.js";
import type { ForwardReason } from "../http/cache-status.js";
import type { RequestFacts, StoredPolicy } from "../http/stored-policy.js";
import type { PageKey } from "../key/page-key.js";
import type { ResponseEntry, Selection } from "../lookup/select.js";
import type { WholePolicy } from "../options/resolve-policy.js";
import type { OutgoingResponse } from "../stored/outgoing.js";
import type { KeyLock, LogPosition } from "../store/contract.js";

export interface ForwardPlan {
  /** As it was before any handler ran; a copy, because frameworks and this cache change the live one. */
  readonly request: RequestHead;
  /** What the framework passed in: for the user's own functions. */
  readonly native: unknown;
  readonly policy: WholePolicy;
  /** `undefined` when the cache leaves the request alone. */
  readonly page: PageKey | undefined;
  readonly facts: RequestFacts;
  readonly reason: ForwardReason;
  readonly detail: string | undefined;
  /** A stored response that may not be reused as it is: for its validators, and for when the application fails. */
  readonly selection: Selection | undefined;
  /** A stored beginning of the page, for the application to complete (RFC 9111 §3.4). */
  readonly beginning: Selection | undefined;
  readonly birth: LogPosition;
  /** What the handler reads of the request, where it is observed (`audit`). */
  readonly reads: Reads | undefined;
  /** A request of the cache's own, made to refresh a page. */
  readonly refresh: boolean;
  /** A request of the cache's own, whatever it is for. */
  readonly own: boolean;
  /** Called, when the request is forwarded, with whether its response will be stored. */
  readonly keeping: ((kept: Promise<boolean>) => void) | undefined;
  /** Until when the request may wait for others (`performance.now()`), if it had to wait at all. */
  readonly waitsUntil: number | undefined;
  /** The flight this request leads. */
  readonly leading: Leading | undefined;
  /** Called when the response is over, however it went. */
  readonly settled: (() => void) | undefined;
}

/** What the leader of a flight shares the response for. */
export interface Leading {
  readonly flight: Flight<SharedResponse>;
  /** Called when the response cannot be shared, with whether that is only because the application failed. */
  readonly unshareable: (failed: boolean) => void;
  /** The lock that is held against other processes. */
  readonly lock: KeyLock | undefined;
}

/** What a leader shares with its followers. */
export interface SharedResponse {
  /** The response as far as it has arrived. */
  readonly entry: ResponseEntry;
  /** Whether it answers another request for the page. */
  answers(request: RequestHead): boolean;
  /** Whether no purge has named it since its rendering began. */
  alive(): boolean;
  /** Why it is this one, where it is not the application's plain answer. */
  readonly detail: string | undefined;
}

/** What the adapter knows when the handler's response begins. */
export interface ResponseStart {
  readonly head: ResponseHead;
  /** Fields that were set before the handler was called. */
  readonly before: RawHeaders;
  /** The whole body, when it is known before the head is sent. */
  readonly body: Buffer | undefined;
}

/* What the client gets of the handler's response. */

export type Delivery =
  /** The handler's own response, with some fields set or removed. */
  | {
      readonly kind: "pass";
      readonly set: readonly (readonly [name: string, value: string])[];
      readonly remove: readonly string[];
      readonly record: boolean;
    }
  /** Another response in its place; what the handler still writes goes to the cache alone, if `record`, or is
   * discarded. */
  | { readonly kind: "instead"; readonly response: OutgoingResponse; readonly record: boolean }
  /** The handler's response once it is complete, with its holes filled for this client: nothing is sent before, and
   * its whole body goes to `filled`, which never rejects. */
  | {
      readonly kind: "filled";
      readonly filled: (content: Buffer) => Promise<OutgoingResponse>;
      readonly record: boolean;
    }
  /** The bytes from `start` to `end` (exclusive) of the handler's body, under another head. */
  | {
      readonly kind: "part";
      readonly head: ResponseHead;
      readonly start: number;
      readonly end: number;
      readonly record: boolean;
    };

/* Releases every request that waits for a response that cannot be shared: no request waits for what each has to
 * request for itself. */

/** @param failed only because the application failed */
export function releaseFollowers({ leading }: ForwardPlan, failed: boolean): void {
  leading?.unshareable(failed);
  leading?.flight.release("unshareable");
  leading?.lock?.release();
}

/** Waiting requests, and those that come, lead for themselves, here and in other processes. */
export function leadNoLonger({ leading }: ForwardPlan): void {
  leading?.flight.complete();
  leading?.lock?.release();
}

/** Whether a response is stored, and why not. */
export type StoreDecision =
  | {
      readonly store: true;
      readonly policy: StoredPolicy;
      readonly vary: readonly string[];
      readonly tags: readonly string[];
    }
  | { readonly store: false; readonly reason: string };
