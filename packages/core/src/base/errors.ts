/** Every error a user can meet, with its code and its message. Match `code`, never the text. */

export type DiskCacheErrorCode =
  /** An option is unknown, of the wrong type or out of range. Thrown when the cache is made. */
  | "ERR_DISKCACHE_OPTION"
  /** A decorator stands on a method that is not called as handlers of the framework are. */
  | "ERR_DISKCACHE_DECORATOR"
  /** The cache was used after `close()`. */
  | "ERR_DISKCACHE_CLOSED"
  /** The directory cannot be used: not a directory, not owned by this process, open to others, not writable; or its
   * file system is too small for an option. */
  | "ERR_DISKCACHE_DIRECTORY"
  /** A stored file is damaged, truncated or of an unknown version; it is a miss and is removed. */
  | "ERR_DISKCACHE_CORRUPT_ENTRY"
  /** The file system refused an operation; `cause` is Node's own error. */
  | "ERR_DISKCACHE_STORE_IO"
  /** A purge could not be recorded: nothing was invalidated. Or it is recorded, and not known to have reached every
   * machine: it will be delivered. */
  | "ERR_DISKCACHE_PURGE"
  /** The engine over which machines share purges does not answer, or not as expected. */
  | "ERR_DISKCACHE_TIER"
  /** A function given as an option (`key`, `tags`, `shouldStore`, …) threw or returned something unusable. */
  | "ERR_DISKCACHE_HOOK"
  /** A hole is requested that nothing fills, or too late, or where none can be; or its value is not valid in its
   * place. */
  | "ERR_DISKCACHE_HOLE"
  /** The cache knows no server to send its own requests through: `warm()` or `refresh()` was called before the first
   * request, without `{ server }`. */
  | "ERR_DISKCACHE_SERVER"
  /** A value cannot be stored, or is not what the operation needs: a `TypeError` with this code. */
  | "ERR_DISKCACHE_VALUE"
  /** `incr`, `decr`, `incrVersion` or `decrVersion` of a key that does not exist, or no longer does. */
  | "ERR_DISKCACHE_KEY_MISSING"
  /** A value could not be stored: no room, or the file system refused. Only when losing it would give a wrong answer,
   * and with `strict`. */
  | "ERR_DISKCACHE_NOT_STORED"
  /** Another process has held a key for a minute: nothing was changed. */
  | "ERR_DISKCACHE_BUSY"
  /** The cache itself failed; the request was forwarded. Worth a bug report. */
  | "ERR_DISKCACHE_INTERNAL";

/** The one error class of the packages. */
export class DiskCacheError extends Error {
  readonly code: DiskCacheErrorCode;

  constructor(code: DiskCacheErrorCode, message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.name = "DiskCacheError";
    this.code = code;
  }
}

/** A wrong option: names the option, what was expected, and the value given. */
export function optionError(option: string, expected: string, value: unknown): DiskCacheError {
  return new DiskCacheError("ERR_DISKCACHE_OPTION", `option \`${option}\`: expected ${expected}, got ${shown(value)}`);
}

/** A decorated method that is called with something else than a handler's arguments, with the remedy in the message. */
export function decoratorError(method: string, signature: string, given: readonly unknown[]): DiskCacheError {
  return new DiskCacheError(
    "ERR_DISKCACHE_DECORATOR",
    `the decorator of \`${method}\` is for methods that are called as \`${signature}\`, got (${given.map(shown).join(", ")}): ` +
      "in NestJS use the decorators of @diskcache/nest, elsewhere mount the middleware of the same name before the route",
  );
}

/** A directory that cannot be used, with the remedy in the message. */
export function directoryError(dir: string, problem: string, cause?: unknown): DiskCacheError {
  return new DiskCacheError("ERR_DISKCACHE_DIRECTORY", `cache directory ${dir}: ${problem}`, { cause });
}

/** A failed file system call; never reaches a client. */
export function storeIoError(operation: string, path: string, cause: unknown): DiskCacheError {
  return new DiskCacheError("ERR_DISKCACHE_STORE_IO", `${operation} ${path}: ${messageOf(cause)}`, { cause });
}

export function corruptEntryError(path: string, problem: string): DiskCacheError {
  return new DiskCacheError("ERR_DISKCACHE_CORRUPT_ENTRY", `cache file ${path}: ${problem}`);
}

export function purgeError(path: string, cause: unknown): DiskCacheError {
  return new DiskCacheError("ERR_DISKCACHE_PURGE", `purge could not be recorded in ${path}: ${messageOf(cause)}`, {
    cause,
  });
}

/** A purge that counts in its own directory, and is not known to count on every machine. */
export function undeliveredError(cause: unknown): DiskCacheError {
  const state = "purge is recorded here and will be delivered, other machines have not confirmed it";
  return new DiskCacheError("ERR_DISKCACHE_PURGE", `${state}: ${messageOf(cause)}`, { cause });
}

/** Machines that share purges have lost each other, or the engine. */
export function tierError(problem: string, cause: unknown): DiskCacheError {
  return new DiskCacheError("ERR_DISKCACHE_TIER", `tier: ${problem}: ${messageOf(cause)}`, { cause });
}

export function hookError(hook: string, cause: unknown): DiskCacheError {
  return new DiskCacheError("ERR_DISKCACHE_HOOK", `\`${hook}\` failed: ${messageOf(cause)}`, { cause });
}

export function holeError(problem: string): DiskCacheError {
  return new DiskCacheError("ERR_DISKCACHE_HOLE", `hole: ${problem}`);
}

export function internalError(where: string, cause: unknown): DiskCacheError {
  return new DiskCacheError("ERR_DISKCACHE_INTERNAL", `${where}: ${messageOf(cause)}`, { cause });
}

export function closedError(): DiskCacheError {
  return new DiskCacheError("ERR_DISKCACHE_CLOSED", "the cache is closed");
}

/** A value that cannot be used; a `TypeError`, as in the rest of JavaScript. */
export function valueError(problem: string): TypeError & { readonly code: DiskCacheErrorCode } {
  return Object.assign(new TypeError(problem), { code: "ERR_DISKCACHE_VALUE" as const });
}

export function keyMissingError(key: string | number): DiskCacheError {
  return new DiskCacheError("ERR_DISKCACHE_KEY_MISSING", `nothing is stored under ${shown(String(key))}`);
}

export function notStoredError(reason: string, cause: unknown): DiskCacheError {
  return new DiskCacheError("ERR_DISKCACHE_NOT_STORED", `the value could not be kept: ${reason}`, { cause });
}

export function busyError(): DiskCacheError {
  return new DiskCacheError("ERR_DISKCACHE_BUSY", "another process has held the key for too long");
}

function messageOf(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause);
}

function shown(value: unknown): string {
  if (typeof value === "string") return JSON.stringify(value.length > 80 ? `${value.slice(0, 80)}…` : value);
  if (typeof value === "function") return "a function";
  if (Array.isArray(value)) return value.length === 0 ? "an empty array" : "an array";
  if (typeof value === "object" && value !== null) return "an object";
  return String(value);
}

/* Faults that have no listener: the process emits a warning, once for each kind, when the operator has to act on
 * them. */

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
      detail: "Reported once, because the `error` event of this cache has no listener.",
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

/* What was said in a way that works, and hardly as it was meant: a process warning. */

const WARNED = new Set<string>();

/** @param about what it concerns: told once for each
 * @param text called when it is told */
export function warnOnce(code: string, about: string, text: () => string, type = "DiskCacheWarning"): void {
  const kind = `${code} ${about}`;
  if (WARNED.has(kind)) return;
  WARNED.add(kind);
  process.emitWarning(text(), { type, code });
}
