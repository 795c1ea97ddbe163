/** What becomes of fields that code outside the cache has set for this visitor, by what the handler did to them when it ran. Lower-case names. */
export interface OuterFields {
  /** Left alone by the handler: the value set for this visitor stays. */
  readonly kept: readonly string[];
  /** Taken away by the handler, as `helmet` does with `X-Powered-By`: taken away again. */
  readonly removed: readonly string[];
}

export const NO_OUTER_FIELDS: OuterFields = Object.freeze({ kept: Object.freeze([]), removed: Object.freeze([]) });
