/** Which known names somebody may have meant who wrote another one. */

/** Letters that may be wrong, missing or too many. */
const MOST_EDITS = 2;

/** The names that are nearest, letter case apart: usually one or none. */
export function nearNames(given: string, known: Iterable<string>): readonly string[] {
  const near = [...known].map((name) => ({ name, edits: editsBetween(given.toLowerCase(), name.toLowerCase()) }));
  const fewest = Math.min(...near.map(({ edits }) => edits));
  // So much of a short name is a name of its own.
  if (fewest > MOST_EDITS || fewest >= given.length) return [];
  return near.filter(({ edits }) => edits === fewest).map(({ name }) => name);
}

// Levenshtein's distance, row by row; where the lengths alone say that it is too far, that is enough.
function editsBetween(a: string, b: string): number {
  if (Math.abs(a.length - b.length) > MOST_EDITS) return Infinity;
  let row = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++)
      next.push(Math.min(row[j]! + 1, next[j - 1]! + 1, row[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1)));
    row = next;
  }
  return row[b.length]!;
}
