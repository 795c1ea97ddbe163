/** A bound that the user set and the file system of the cache cannot provide, whatever else is stored on it. Says what
 * to set. Writes nothing. */
import type { StatsFs } from "node:fs";
import { dirname } from "node:path";
import { directoryError } from "../../base/errors.js";
import type { DiskCacheError } from "../../base/errors.js";
import type { SpaceBound } from "../contract.js";
import { errorCode } from "../file-system.js";
import type { FileSystem } from "../file-system.js";

/** On a small file system, no more than this share stays free unless the user asked for more. */
export const UNASKED_FREE_SHARE = 1 / 8;
/** The share of it that a message proposes for `maxSize`. */
const PROPOSED_SIZE_SHARE = 3 / 4;
/** Less than this is too little for a cache. */
const LEAST_ROOM_BYTES = 64 * 1024;
const UNITS = ["b", "kb", "mb", "gb", "tb"] as const;

export interface SpaceBounds {
  readonly minFree: number;
  readonly maxSize: number;
  /** Bounds that are only defaults: they give way. */
  readonly unasked?: readonly SpaceBound[] | undefined;
}

export interface TooSmall {
  readonly option: SpaceBound;
  readonly error: DiskCacheError;
}

/** The first bound that the file system is too small for; `undefined` for none, and when its size is not known. */
export function tooSmall(fs: FileSystem, dir: string, bounds: SpaceBounds): TooSmall | undefined {
  const bytes = usableBytes(fs, dir);
  const { minFree, maxSize, unasked = [] } = bounds;
  if (bytes === undefined) return undefined;
  const told = (option: SpaceBound, problem: string, share: number): TooSmall => {
    const proposed = `set \`${option}\` to less, such as "${sizeText(bytes * share)}", or give a \`dir\` on a larger one`;
    return { option, error: directoryError(dir, `${problem}; ${proposed}`) };
  };
  const size = sizeText(bytes);
  if (!unasked.includes("minFree") && minFree > bytes - LEAST_ROOM_BYTES)
    return told(
      "minFree",
      `its file system holds ${size}, and option \`minFree\` leaves ${sizeText(minFree)} of it free, so nothing is stored`,
      UNASKED_FREE_SHARE,
    );
  if (!unasked.includes("maxSize") && Number.isFinite(maxSize) && maxSize > bytes)
    return told(
      "maxSize",
      `its file system holds ${size}, less than option \`maxSize\`, ${sizeText(maxSize)}`,
      PROPOSED_SIZE_SHARE,
    );
  return undefined;
}

/** Bytes of the whole file system; `undefined` when it reports none: a size of zero does not mean full. */
export function totalBytes({ blocks, bsize }: Pick<StatsFs, "blocks" | "bsize">): number | undefined {
  const bytes = blocks * bsize;
  return bytes > 0 ? bytes : undefined;
}

// Without what is reserved for root.
function usableBytes(fs: FileSystem, dir: string): number | undefined {
  for (let at = dir; ; at = dirname(at)) {
    try {
      const stat = fs.statfsSync(at);
      const total = totalBytes(stat);
      return total && total - Math.max(0, stat.bfree - stat.bavail) * stat.bsize;
    } catch (error) {
      // It will be made in the directory above.
      if (errorCode(error) !== "ENOENT" || dirname(at) === at) return undefined;
    }
  }
}

// In the notation of the options, rounded down.
function sizeText(bytes: number): string {
  let unit = 0;
  let rest = bytes;
  for (; rest >= 1024 && unit < UNITS.length - 1; unit++) rest /= 1024;
  return `${Math.floor(rest)}${UNITS[unit]}`;
}
