/** Sums of what lies in the directory. */
import type { Stored } from "./atomic-file.js";

export const NOTHING: Stored = Object.freeze({ bytes: 0, entries: 0 });

export function sum(one: Stored, other: Stored): Stored {
  return { bytes: one.bytes + other.bytes, entries: one.entries + other.entries };
}

export function negative({ bytes, entries }: Stored): Stored {
  return { bytes: -bytes, entries: -entries };
}
