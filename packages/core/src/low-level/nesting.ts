/** How deep a JSON text nests, without parsing it: a value that nests deeper than any that can be stored would break whoever walks through it. */
import { MAX_DEPTH } from "./tagged.js";

const QUOTE = 1;
const BACKSLASH = 2;
const OPENS = 3;
const CLOSES = 4;
/** What a byte means outside and inside of strings; nothing for nearly all of them. */
const MEANINGS = new Uint8Array(256);
for (const [byte, meaning] of Object.entries({
  '"': QUOTE,
  "\\": BACKSLASH,
  "[": OPENS,
  "{": OPENS,
  "]": CLOSES,
  "}": CLOSES,
}))
  MEANINGS[byte.charCodeAt(0)] = meaning;

/** Whether arrays and objects lie in one another deeper than `encode` would have written them. */
export function nestsTooDeep(json: Uint8Array): boolean {
  // Too short to open and close so many.
  if (json.length <= 2 * MAX_DEPTH) return false;
  let depth = 0;
  let quoted = false;
  for (let at = 0; at < json.length; at++) {
    const meaning = MEANINGS[json[at] as number];
    if (meaning === 0) continue;
    if (meaning === QUOTE) quoted = !quoted;
    else if (quoted) at += meaning === BACKSLASH ? 1 : 0;
    else if (meaning === CLOSES) depth--;
    else if (++depth > MAX_DEPTH) return true;
  }
  return false;
}
