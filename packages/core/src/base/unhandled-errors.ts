/** Faults that nobody listens to: the process is warned of them, once of each kind, where somebody has to do something about them. */
import type { DiskCacheError, DiskCacheErrorCode } from "./errors.js";

/** What the file system says until somebody does something about it. */
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

// A damaged file is removed and made anew, one that was taken away is written again. Of a URL too long for a purge there is no page.
function mendsItself({ code, cause }: DiskCacheError): boolean {
  if (code === "ERR_DISKCACHE_CORRUPT_ENTRY") return true;
  if (code !== "ERR_DISKCACHE_STORE_IO" && code !== "ERR_DISKCACHE_PURGE") return false;
  return !LASTING.has((cause as NodeJS.ErrnoException | undefined)?.code);
}
