/** Sums of what lies in the directory. */

/** What a stored file changed in the directory. */
export interface UsageChange {
  /** Allocated bytes, less those of the file it replaced. */
  readonly bytes: number;
  readonly entries: number;
}

export const NOTHING: UsageChange = Object.freeze({ bytes: 0, entries: 0 });

export function sum(one: UsageChange, other: UsageChange): UsageChange {
  return { bytes: one.bytes + other.bytes, entries: one.entries + other.entries };
}

export function negative({ bytes, entries }: UsageChange): UsageChange {
  return { bytes: -bytes, entries: -entries };
}
