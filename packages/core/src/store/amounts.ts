/** Sums of what lies in the directory. */

/** What a stored file changed in the directory. */
export interface Stored {
  /** Allocated bytes, less those of the file it replaced. */
  readonly bytes: number;
  readonly entries: number;
}

export const NOTHING: Stored = Object.freeze({ bytes: 0, entries: 0 });

export function sum(one: Stored, other: Stored): Stored {
  return { bytes: one.bytes + other.bytes, entries: one.entries + other.entries };
}

export function negative({ bytes, entries }: Stored): Stored {
  return { bytes: -bytes, entries: -entries };
}
