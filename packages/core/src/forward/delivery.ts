/** What the visitor gets of the handler's response. */
import type { ResponseHead } from "../base/exchange.js";
import type { OutgoingResponse } from "../serve/outgoing.js";

export type Delivery =
  /** The handler's own response, with some fields set or removed. */
  | {
      readonly kind: "pass";
      readonly set: readonly (readonly [name: string, value: string])[];
      readonly remove: readonly string[];
      readonly record: boolean;
    }
  /** Another response in its place; what the handler still writes is for the cache alone, if `record`, or for nobody. */
  | { readonly kind: "instead"; readonly response: OutgoingResponse; readonly record: boolean }
  /** The handler's response once it is whole, with its holes filled for this visitor: nothing is sent before, and its whole body goes to `filled`, which never rejects. */
  | {
      readonly kind: "filled";
      readonly filled: (content: Buffer) => Promise<OutgoingResponse>;
      readonly record: boolean;
    }
  /** The bytes from `start` to `end` (exclusive) of the handler's body, under another head. */
  | {
      readonly kind: "part";
      readonly head: ResponseHead;
      readonly start: number;
      readonly end: number;
      readonly record: boolean;
    };
