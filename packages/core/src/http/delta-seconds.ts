/** Delta-seconds (RFC 9111 §1.2.2): whole, not negative, clamped. */

/** What every greater value means: so long that it need not be distinguished from forever. */
export const MAX_DELTA_SECONDS = 2 ** 31;

/** Seconds, or `undefined` when the value is anything but digits. Greater values become 2³¹.
 * @example deltaSeconds("003600") // 3600 */
export function deltaSeconds(value: string): number | undefined {
  if (!/^[0-9]+$/.test(value)) return undefined;
  return Math.min(Number(value), MAX_DELTA_SECONDS);
}
