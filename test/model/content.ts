/**
 * The content of pages: every byte follows from its position and the language, so that a piece that is lost, doubled
 * or moved is seen. Never depends on who asks.
 */

const LONGEST_BYTES = 8 * 1024 * 1024;

export const LANGUAGES = ["en", "de"] as const;

const pages = new Map<string, Buffer>();

function page(language: string): Buffer {
  const known = pages.get(language);
  if (known !== undefined) return known;
  const made = Buffer.alloc(LONGEST_BYTES);
  for (let at = 0; at < LONGEST_BYTES; at += 16)
    made.write(`${language} ${at.toString(36).padStart(8, "0")} ~~~~\n`, at, 16, "latin1");
  pages.set(language, made);
  return made;
}

/** The bytes from `start` to `end` (exclusive); a copy, because handlers may use their buffers again. */
export function contentFrom(language: string, start: number, end: number): Buffer {
  return Buffer.from(page(language).subarray(start, end));
}

/** The language that a page is made in for this `Accept-Language`. */
export function chosenLanguage(accepted: string | undefined): string {
  return LANGUAGES.find((language) => accepted?.startsWith(language)) ?? LANGUAGES[0];
}

/** What a handler says in place of its page. */
export const APOLOGY = "Not available at the moment.\n";

/** What a handler says in place of the rest. */
export const FALLBACK = "<!-- the rest was not rendered -->\n";
