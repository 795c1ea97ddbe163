/**
 * A value of the low-level cache on disk: a byte for the version of this codec, a byte for the form, then the value.
 * Nothing it reads becomes code or an instance of a class.
 *
 * ```
 *   01 6a 7b 22 61 22 3a 31 7d   "j": JSON, here {"a":1}
 *   01 74 …                      "t": JSON with tags for what JSON cannot express (tagged.ts)
 *   01 62 …                      "b": the bytes of a Buffer as they are; "u": of a Uint8Array
 * ```
 */
import { MAX_DEPTH, bytesOf, fromTagged, toTagged } from "./tagged.js";

/** Turns values into bytes and back. When `decode` throws, the value is a miss. */
export interface ValueCodec {
  encode(value: unknown): Uint8Array;
  /** The bytes are the codec's own, to keep or to change. */
  decode(bytes: Buffer): unknown;
}

const VERSION = 1;
const JSON_FORM = 0x6a;
const TAGGED_FORM = 0x74;
const BUFFER_FORM = 0x62;
const UINT8_FORM = 0x75;
const HEAD_BYTES = 2;

export const valueCodec: ValueCodec = Object.freeze({
  /** @throws {TypeError} `ERR_DISKCACHE_VALUE` for functions, symbols, errors, and values that contain themselves or
   * are nested too deep */
  encode(value: unknown): Buffer {
    if (value instanceof Uint8Array && (Buffer.isBuffer(value) || value.constructor === Uint8Array))
      return Buffer.concat([head(Buffer.isBuffer(value) ? BUFFER_FORM : UINT8_FORM), bytesOf(value)]);
    const tagged = toTagged(value);
    return Buffer.concat([head(tagged === value ? JSON_FORM : TAGGED_FORM), Buffer.from(JSON.stringify(tagged))]);
  },

  decode(bytes: Buffer): unknown {
    if (bytes.length < HEAD_BYTES || bytes[0] !== VERSION) throw new Error("written by another version");
    const content = bytes.subarray(HEAD_BYTES);
    switch (bytes[1]) {
      case JSON_FORM:
        if (nestsTooDeep(content)) throw new Error("nested too deep");
        return JSON.parse(content.toString());
      case TAGGED_FORM:
        return fromTagged(JSON.parse(content.toString()));
      case BUFFER_FORM:
        return Buffer.from(content);
      case UINT8_FORM:
        return new Uint8Array(content);
      default:
        throw new Error("of an unknown form");
    }
  },
});

function head(form: number): Buffer {
  return Buffer.from([VERSION, form]);
}

/* How deep a JSON text nests, without parsing it: a value nested deeper than any that can be stored would break code
 * that walks it. */

const QUOTE = 1;
const BACKSLASH = 2;
const OPENS = 3;
const CLOSES = 4;
/** The meaning of a byte outside and inside of strings; none for nearly all of them. */
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

/** Whether arrays and objects are nested deeper than `encode` would have written them. */
function nestsTooDeep(json: Uint8Array): boolean {
  // Too short for that many brackets.
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
