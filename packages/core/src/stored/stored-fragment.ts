/** A stored fragment as text beside its body, and back. */

/** What a fragment was when it was made: the same comes back. */
export type FragmentForm = "text" | "bytes";

export interface StoredFragment {
  readonly kind: "fragment";
  readonly form: FragmentForm;
}

/* Lines, the kind first:
 *   f
 *   text     */

export function encodeFragment({ form }: StoredFragment): string {
  return `f\n${form}`;
}

/** @throws {Error} when the text is not one that `encodeFragment` wrote: the store counts that as damage */
export function decodeFragment([, form]: readonly string[]): StoredFragment {
  if (form !== "text" && form !== "bytes") throw new Error("not a fragment");
  return { kind: "fragment", form };
}
