/** What every room that acts on a request receives: the settings, the store, and whom to notify. */
import type { CodedBodies } from "../features/coding/coded-bodies.js";
import type { Backoff } from "../forward/refreshes.js";
import type { HitForMiss } from "../forward/hit-for-miss.js";
import type { Auditor } from "../features/audit/auditor.js";
import type { Fragments } from "../features/fragments/fragments.js";
import type { Holes } from "../features/holes/holes.js";
import type { Observer } from "../base/observer.js";
import type { Policies } from "../options/policies.js";
import type { Pending } from "../base/async.js";
import type { ResolvedOptions } from "../options/resolve-options.js";
import type { Store } from "../store/contract.js";
import type { StoredValue } from "../stored/stored-value.js";

export interface CacheContext {
  readonly options: ResolvedOptions;
  readonly store: Store<StoredValue>;
  /** Other machines are told of purges. */
  readonly shared: boolean;
  readonly observer: Observer;
  readonly fragments: Fragments;
  readonly holes: Holes;
  readonly policies: Policies;
  readonly hitForMiss: HitForMiss;
  /** Stored responses whose refresh failed a moment ago. */
  readonly failing: Backoff;
  /** Pages in content codings, where they are offered in any. */
  readonly coded: CodedBodies;
  /** Responses that have ended and are still being written. */
  readonly endings: Pending;
  /** `undefined`: what handlers read is not observed. */
  readonly auditor: Auditor | undefined;
}
