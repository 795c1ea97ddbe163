/** What the store tells its owner while it works. Nothing here carries a body or a header field. */
import type { DiskCacheError } from "../base/errors.js";

/** A bound that is held against the size of the file system. */
export type SpaceBound = "minFree" | "maxSize";

/** Why an entry was not kept. */
export type SkipReason =
  /** Storing rests after a fault of the disk. */
  | "paused"
  /** `maxSize`, `maxEntries` or `minFree` is reached and eviction has not caught up. */
  | "over-budget"
  /** The body is longer than `maxBody`. */
  | "body-too-long"
  /** The head is longer than the format allows. */
  | "head-too-long"
  /** More waits for the disk than is allowed to wait. */
  | "queue-full"
  /** A purge named it while it was made. */
  | "purged"
  /** Its time was over before it was kept, or its meta cannot be read back. */
  | "unusable"
  /** The file system refused. */
  | "io"
  /** The directory cannot be used, or the store is closed. */
  | "unavailable";

export type StoreEvent =
  | { readonly type: "corrupt"; readonly path: string; readonly error: DiskCacheError }
  /** `said`: it comes of something that has been told. */
  | {
      readonly type: "error";
      readonly operation: string;
      readonly code: string;
      readonly error: DiskCacheError;
      readonly said: boolean;
    }
  /** The file system cannot give what an option asks for. Told once. */
  | { readonly type: "too-small"; readonly option: SpaceBound; readonly error: DiskCacheError }
  | { readonly type: "skip"; readonly reason: SkipReason; readonly key: string }
  /** The sweep has removed files: to keep the bounds, or because they were expired or purged. */
  | { readonly type: "evict"; readonly reason: "bounds" | "dead"; readonly entries: number; readonly bytes: number }
  | { readonly type: "pause"; readonly code: string; readonly forMs: number }
  | { readonly type: "resume" }
  | { readonly type: "log-restarted"; readonly problem: string };
