/**
 * Field lines of pages that are read one after the other are mostly alike. Equal strings are kept once, which saves
 * memory for many pages in memory, and processor cache for each of them. Changes no text.
 */

/** More names than the responses of one application have; beyond this number a line keeps its own strings. */
const MOST_NAMES = 256;

/** The last line of each field, by field name. */
const lastLines = new Map<string, { readonly name: string; value: string }>();

/** The same lines, with the strings of earlier lines where they are equal; `undefined` when they are not names and
 * values in turn.
 * @param isName whether this is the name of a field; names met before are */
export function alike(rawHeaders: string[], isName: (name: string) => boolean): string[] | undefined {
  if (rawHeaders.length % 2 !== 0) return undefined;
  for (let index = 0; index < rawHeaders.length; index += 2) {
    const [name, value] = [rawHeaders[index]!, rawHeaders[index + 1]!];
    const last = lastLines.get(name);
    if (last === undefined) {
      if (!isName(name)) return undefined;
      if (lastLines.size < MOST_NAMES) lastLines.set(name, { name, value });
      continue;
    }
    rawHeaders[index] = last.name;
    if (last.value === value) rawHeaders[index + 1] = last.value;
    else last.value = value;
  }
  return rawHeaders;
}

/** Reads lines that are mostly the same as the last one: what that one said is given again. */
export function mostlyAlike<Value>(read: (line: string) => Value): (line: string) => Value {
  let last: { readonly line: string; readonly value: Value } | undefined;
  return (line) => {
    if (last?.line !== line) last = { line, value: read(line) };
    return last.value;
  };
}
