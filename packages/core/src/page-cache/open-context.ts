/** Makes what every room receives, from the options of a cache. Opens nothing yet. */
import { resolve } from "node:path";
import { steadyMs } from "../base/clock.js";
import { Auditor } from "../features/audit/auditor.js";
import { CodedBodies } from "../features/coding/coded-bodies.js";
import type { CacheContext } from "./context.js";
import { Backoff } from "../forward/refreshes.js";
import { Hints, RequestLog } from "./developer.js";
import { HitForMiss } from "../forward/hit-for-miss.js";
import { Fragments } from "../features/fragments/fragments.js";
import { Holes } from "../features/holes/holes.js";
import { Observer } from "../base/observer.js";
import type { PageCacheOptions } from "../options/options.js";
import { Pending } from "../base/async.js";
import { Policies } from "../options/policies.js";
import { mayBePartitioned } from "../key/page-key.js";
import { resolveOptions } from "../options/resolve-options.js";
import type { ResolvedOptions } from "../options/resolve-options.js";
import type { StoreOwner } from "../store/contract.js";
import type { OpenedStore } from "../store/count-named.js";
import { DiskStore } from "../store/disk-store.js";
import type { DiskStoreOptions } from "../store/disk-store-options.js";
import { openGivenStore } from "../store/given-store.js";
import { tellOwner } from "../store/faults.js";
import { decodeStoredValue, shiftedHead } from "../stored/stored-value.js";
import type { StoredValue } from "../stored/stored-value.js";
import { sharingOf } from "../tier/membership.js";
import { resolveTier } from "../tier/settings.js";
import type { ResolvedTier } from "../tier/settings.js";
import { openTieredStore } from "../tier/tiered-store.js";
import { machineTime } from "../tier/time.js";

/** @throws {DiskCacheError} `ERR_DISKCACHE_OPTION` for an unknown or wrong option; `ERR_DISKCACHE_DIRECTORY` with
 * `strict` */
export function openContext<Req>(given: PageCacheOptions<Req>): CacheContext {
  const options = resolveOptions(given);
  const asked = resolveTier(given.tier);
  // Switched off, it asks nothing of the directory, nor of an engine: its purges are passed on by a cache that is on.
  const tier = options.enabled ? asked : undefined;
  const observer = new Observer();
  if (options.enabled && options.development) observer.watch(new Hints(observer));
  if (options.log !== undefined) observer.watch(new RequestLog(options.log));
  const store = openStore(options, tier, observer);
  const parts = {
    options,
    observer,
    store,
    shared: tier !== undefined,
    fragments: new Fragments({ options, store }),
    holes: new Holes(observer),
    policies: new Policies(options),
    hitForMiss: new HitForMiss(options.clock),
    failing: new Backoff(options.clock),
    endings: new Pending(),
    auditor: options.audit.mode === "off" ? undefined : new Auditor(options.audit.mode, observer),
  };
  return { ...parts, coded: new CodedBodies(parts) };
}

function openStore(
  options: ResolvedOptions,
  tier: ResolvedTier | undefined,
  observer: Observer,
): OpenedStore<StoredValue> {
  const { dir, store } = options.place;
  const owner: StoreOwner<StoredValue> = {
    decode: decodeStoredValue,
    observe: (event) => {
      if (event.type === "too-small") observer.errorAtStart(event.error);
      else tellOwner(event, (name, told) => observer.inStore(name, told));
    },
    clock: options.clock,
    patient: false,
    idle: !options.enabled,
  };
  if (store !== undefined) return openGivenStore(store, owner);
  const onDisk: DiskStoreOptions<StoredValue> = {
    ...owner,
    dir: resolve(dir),
    memoryBytes: options.memoryBytes,
    maxSize: options.maxSize,
    maxEntries: options.maxEntries,
    minFree: options.minFree,
    unasked: options.unasked,
    maxBody: options.maxBody,
    admission: options.admission,
    durability: options.durability,
    strict: options.strict,
    allowPublicDir: options.allowPublicDir,
    secrets: options.secrets,
    encrypt: options.encrypt,
    sharing: sharingOf(tier, options, (name, event) => observer.inStore(name, event)),
  };
  const pages = tier?.pages;
  if (pages === undefined) return new DiskStore(onDisk);
  return openTieredStore(onDisk, pages, {
    time: machineTime(steadyMs),
    shifted: shiftedHead,
    mayShare: (key) => pages.partitions || !mayBePartitioned(key),
    fault: (error) => observer.inStore("error", error),
  });
}
