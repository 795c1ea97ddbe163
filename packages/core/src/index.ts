/** The public entry of `@diskcache/core`: what is not here is private and can change tomorrow. */
export { PageCache } from "./page-cache/page-cache.js";
export type { CacheStats, HandleOptions } from "./page-cache/page-cache.js";
export type { Outcome } from "./page-cache/answering.js";
export type {
  CookieRules,
  CredentialOptions,
  HttpOptions,
  Limits,
  ReportOptions,
  SafetyOptions,
  Secret,
  SecretOptions,
  RelaxedRules,
} from "./options/option-groups.js";
export type { DirectoryOption, DiskCacheOptions, GivenStoreOptions, PageCacheOptions } from "./options/options.js";
export type { CachePolicy, KeyRules, StaleRules, PathRule } from "./options/policy-options.js";
export { analyticsCookies, campaignParameters, presets } from "./options/presets.js";
export { neverPolicy } from "./options/resolve-policy.js";
export type { ResolvedPolicy, ResolvedQueryRules, WholePolicy } from "./options/resolve-policy.js";
export type {
  FragmentOptions,
  FragmentValue,
  InsideFragment,
  UseFragment,
  VaryOn,
} from "./features/fragments/fragment-options.js";
export { durationSeconds } from "./base/units.js";
export type { Duration, Size } from "./base/units.js";
export type { Clock } from "./base/clock.js";
export { FileCache } from "./features/low-level/file-cache.js";
export type { ValuePurge } from "./features/low-level/stored-values.js";
export type { MemoizeOptions } from "./features/low-level/memoize.js";
export { caches } from "./features/low-level/caches.js";
export type { NamedCaches } from "./features/low-level/caches.js";
export { keyvStore, KeyvStore } from "./features/low-level/keyv-store.js";
export type { KeyvStoreEntry } from "./features/low-level/keyv-store.js";
export type {
  FileCacheOptions,
  GetOptions,
  GivenValueStoreOptions,
  StoreOptions,
  TouchOptions,
  ValueCacheOptions,
  ValueLifetime,
  VersionOption,
} from "./features/low-level/file-cache-options.js";
export type { ValueCodec } from "./features/low-level/value-codec.js";
export type { CacheKey, KeyFunction } from "./features/low-level/value-key.js";
export { inOwnContext } from "./base/async.js";
export { DiskCacheError, optionError } from "./base/errors.js";
export { optionsOf } from "./options/option-checks.js";
export { refusePolicy } from "./options/other-words.js";
export type { DiskCacheErrorCode } from "./base/errors.js";
export type { RawHeaders, RequestHead, ResponseHead } from "./base/exchange.js";
export { parseCacheStatus } from "./http/cache-status.js";
export type { ParsedCacheStatus } from "./http/cache-status.js";
export { meaningOf, remedyFor } from "./page-cache/reasons.js";
export type { Explanation } from "./page-cache/explain.js";
export type { AuditFinding, CacheEvents, StoreEvents } from "./base/events.js";
export type { CacheCounters } from "./base/observer.js";
export type { PurgeCount, Purges, PurgeOptions, PurgeTarget, PurgeTargets } from "./invalidate/purge-target.js";
export { MAX_PURGE_CONTENT_BYTES } from "./invalidate/purger.js";
export type { PurgeAnswer, PurgeRequest, PurgerOptions } from "./invalidate/purger.js";
export type { OuterFields } from "./stored/stored-response.js";
export type { BodySource, ByteSpan, OutgoingResponse, RefreshAnswer, RefreshClaim } from "./stored/outgoing.js";
export type {
  BodyReader,
  EntryHead,
  EntryWriter,
  KeyLock,
  Lease,
  LockEnd,
  LockOptions,
  LogPosition,
  OpenStore,
  PathSelector,
  PurgeSelector,
  SkipReason,
  SpaceBound,
  Store,
  StoreEntry,
  StoreEvent,
  StoreOwner,
  SharedPagesStats,
  StoreStats,
  TierStats,
} from "./store/contract.js";
export type { Stand } from "./store/log/chain-notes.js";
export type { CutOff } from "./store/log/lease.js";
export type {
  Appended,
  Beat,
  BeatQuestion,
  Confirmed,
  EngineConnection,
  KeptPage,
  KeptRecord,
  PagesConnection,
  PagesSettings,
  Tier,
  TierSettings,
} from "./tier/contract.js";
export { EVERY, Reads } from "./features/audit/reads.js";
export { Forward } from "./forward/forward.js";
export type { ForwardPlan, ResponseStart, SharedResponse } from "./forward/forward-plan.js";
export type { Delivery } from "./forward/forward-plan.js";
export type { RequestChanges } from "./forward/request-changes.js";
export { HandlerDirectives } from "./forward/handler-directives.js";
export { contentDigest, MAX_KEYED_CONTENT_BYTES } from "./key/page-key.js";
export { cacheControlEdit, neverKeep, varyEdit } from "./options/header-edits.js";
export type { HeaderEdit } from "./options/header-edits.js";
export type { CacheControlDirectives } from "./http/patch-cache-control.js";
export { isDecorating, methodDecoration } from "./page-cache/decorate.js";
export type { Calling, MethodDecoration } from "./page-cache/decorate.js";
