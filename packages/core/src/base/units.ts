/** Durations and sizes as people write them, converted once where they enter. Never guesses: what is not clear
 * throws. */
import { optionError, warnOnce } from "./errors.js";

/** A length of time: a string such as `"90s"`, `"5m"`, `"1h 30m"`, `"7d"` or `"5 minutes"`, or a number of
 * seconds. */
export type Duration = string | number;

/** An amount of bytes: a string in binary units such as `"512kb"`, `"64mb"`, `"2gb"`, or a number of bytes. */
export type Size = string | number;

const SECONDS_PER = { s: 1, m: 60, h: 3600, d: 86_400, w: 604_800 } as const;
const BYTES_PER = { b: 1, kb: 2 ** 10, mb: 2 ** 20, gb: 2 ** 30, tb: 2 ** 40 } as const;

const UNIT = "s|secs?|seconds?|m|mins?|minutes?|h|hrs?|hours?|d|days?|w|weeks?";
const PART = `\\d+(?:\\.\\d+)?\\s*(?:${UNIT})(?![a-z])`;
const DURATION = new RegExp(`^\\s*${PART}(?:\\s*(?:,\\s*|and\\s+)?${PART})*\\s*$`, "i");
const DURATION_PART = /(\d+(?:\.\d+)?)\s*([smhdw])/gi;
const SIZE = /^\s*(\d+(?:\.\d+)?)\s*(b|kb|mb|gb|tb)\s*$/i;

/** Seconds.
 * @throws {DiskCacheError} `ERR_DISKCACHE_OPTION` naming `option` */
export function durationSeconds(option: string, value: unknown): number {
  if (typeof value === "number" && Number.isFinite(value) && value >= 0) {
    if (value > SECONDS_PER.d && areMilliseconds(value)) tellUnit(option, value);
    return value;
  }
  if (typeof value === "string" && DURATION.test(value)) {
    let seconds = 0;
    for (const [, amount, unit] of value.matchAll(DURATION_PART)) {
      seconds += Number(amount) * SECONDS_PER[unit!.toLowerCase() as keyof typeof SECONDS_PER];
    }
    return seconds;
  }
  throw optionError(
    option,
    'a duration such as "90s", "5m" or "1h 30m" (units s, m, h, d, w), or a number of seconds',
    value,
  );
}

const LEAP_YEAR_SECONDS = 366 * SECONDS_PER.d;

// Beyond a day, seconds are written as whole days (`7 * 86_400`), and milliseconds as whole seconds (`5 * 60_000`).
function areMilliseconds(value: number): boolean {
  return value > LEAP_YEAR_SECONDS || (value % 1000 === 0 && value % SECONDS_PER.d !== 0);
}

function tellUnit(option: string, value: number): void {
  const days = Math.round(value / SECONDS_PER.d);
  warnOnce("DISKCACHE_MILLISECONDS", option, () => {
    const meant = inWords(value / 1000);
    return (
      `option \`${option}\`: ${value} is a number of seconds, ${days} days. ` +
      `If milliseconds are meant, write "${meant}"; if not, write "${inWords(value)}".`
    );
  });
}

function inWords(seconds: number): string {
  const unit = (["w", "d", "h", "m"] as const).find((one) => seconds % SECONDS_PER[one] === 0) ?? "s";
  return `${seconds / SECONDS_PER[unit]}${unit}`;
}

/** Bytes.
 * @throws {DiskCacheError} `ERR_DISKCACHE_OPTION` naming `option` */
export function sizeBytes(option: string, value: unknown): number {
  if (typeof value === "number" && Number.isSafeInteger(value) && value >= 0) return value;
  const match = typeof value === "string" ? SIZE.exec(value) : null;
  if (match) return Math.floor(Number(match[1]) * BYTES_PER[match[2]!.toLowerCase() as keyof typeof BYTES_PER]);
  throw optionError(option, 'a size such as "64mb" (units b, kb, mb, gb, tb), or a whole number of bytes', value);
}
