/** The words of docs/cache-status.md, and those that a row of `reason-rows.ts` is about, in one form. */
import { readFileSync } from "node:fs";
import { OWN_WORD } from "./reason-rows.js";
import type { Reason } from "./reason-rows.js";

/** Words that no row provokes, and where they are tested instead. */
export const ELSEWHERE: Readonly<Record<string, string>> = {
  "left alone: response": "no response of a socket is of another class: response-classes.test.ts",
  "not stored: late-coding": "Koa alone: past-koa.test.ts",
  "more: collapsed": "takes two requests: test/flights/stampede.test.ts",
  "more: detail=expired": "the store gives out nothing of which the time is over: reusability.test.ts",
};

const TABLES: Readonly<Record<string, string>> = {
  "## `fwd`": "forwarded",
  "## Why a request": "left alone",
  "## Why a response": "not stored",
  "## Other parameters": "more",
  "## Reasons that come": "too late",
};

/** The words in the tables of docs/cache-status.md, each under what its table is about. */
export function documentedWords(): ReadonlySet<string> {
  const text = readFileSync(new URL("../../docs/cache-status.md", import.meta.url), "utf8");
  const words = new Set<string>();
  for (const [heading, table] of Object.entries(TABLES)) {
    const section = text.slice(text.indexOf(`\n${heading}`) + 1).split(/\n## /)[0]!;
    for (const [, cell] of section.matchAll(/^\| (`.*?) \|(?!.*\n\| ---)/gm)) {
      // What a word comes with is another row's.
      const [own] = cell!.split(/ with `fwd|, without/);
      for (const [, word] of own!.matchAll(/`([^`]+)`/g))
        words.add(`${table}: ${/^\d/.test(word!) ? "fwd-status=" : ""}${word!}`);
    }
  }
  return words;
}

const MORE: ReadonlySet<string> = new Set(["unreadable", "stale-if-error", "only-if-cached"]);
/** The words that a row is about, in the same form. */
export function wordsOf({ field, later, refused: other }: Reason): string[] {
  const [fwd, detail, status] = ["fwd", "detail", "fwd-status"].map((name) => parameter(field, name));
  const words = fwd === undefined ? [] : [`forwarded: ${fwd}`];
  if (fwd === "bypass" || fwd === "method" || detail === "hole-failed") words.push(`left alone: ${detail!}`);
  else if (detail !== undefined && detail !== OWN_WORD)
    words.push(
      MORE.has(detail) || field.endsWith("304; detail=not-modified")
        ? `more: detail=${detail}`
        : `not stored: ${detail}`,
    );
  if (other !== undefined) words.push(`not stored: ${other}`);
  if (status !== undefined) words.push(`more: fwd-status=${status}`);
  for (const word of ["stored", "storing"]) if (new RegExp(`; ${word}\\b`).test(field)) words.push(`more: ${word}`);
  if (later !== undefined) words.push(`too late: ${later}`);
  return words;
}

/** What a parameter of a `Cache-Status` field says. */
export function parameter(field: string, name: string): string | undefined {
  return new RegExp(`(?:^|; )${name}=([a-z0-9-]+)`).exec(field)?.[1];
}
