/** Why the store does not take a response, in the words of `Cache-Status`. */
import type { SkipReason } from "../store/events.js";

const WORDS: Partial<Record<SkipReason, string>> = {
  "head-too-long": "head-too-long",
  "body-too-long": "too-long",
  "over-budget": "no-room",
  purged: "purged",
};

export function refusalWord(reason: SkipReason): string {
  return WORDS[reason] ?? "store";
}
