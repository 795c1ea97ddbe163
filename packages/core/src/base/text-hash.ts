/** A quick number for a text (FNV-1a, 32 bits, signed: it needs no object). Anybody can find two texts with the same one, so it is for guesses that may be wrong. */
export function textHash(text: string): number {
  let value = 0x811c9dc5;
  for (let index = 0; index < text.length; index++) value = Math.imul(value ^ text.charCodeAt(index), 0x01000193);
  return value;
}
