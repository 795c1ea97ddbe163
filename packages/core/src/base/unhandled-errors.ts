/** Faults that have no listener: the process emits a warning, once for each kind, when the operator has to act on
 * them. */
import type { DiskCacheError, DiskCacheErrorCode } from "./errors.js";

/** Errors of the file system that persist until the operator acts. */
const LASTING: ReadonlySet<unknown> = new Set([
  "EACCES",
  "EPERM",
  "ERR_ACCESS_DENIED",
  "EROFS",
  "ENOSPC",
  "EDQUOT",
  "EMFILE",
  "ENFILE",
  "EIO",
]);

export class UnhandledErrors {
  readonly #told = new Set<DiskCacheErrorCode>();

  /** An error that has no listener. */
  tell(error: DiskCacheError): void {
    if (mendsItself(error) || this.#told.has(error.code)) return;
    this.#told.add(error.code);
    process.emitWarning(error.message, {
      type: "DiskCacheWarning",
      code: error.code,
      detail: "Said once, because nobody listens to the `error` event of this cache.",
    });
  }
}

// A damaged file is removed and made again; one that was removed is written again. For a URL too long for a purge
// there is no page.
function mendsItself({ code, cause }: DiskCacheError): boolean {
  if (code === "ERR_DISKCACHE_CORRUPT_ENTRY") return true;
  if (code !== "ERR_DISKCACHE_STORE_IO" && code !== "ERR_DISKCACHE_PURGE") return false;
  return !LASTING.has((cause as NodeJS.ErrnoException | undefined)?.code);
}
