/** The ways in which applications, and proxies before them, read a path. Where they differ, whoever goes by one of them alone is misled: `/admin%2f..%2fx`. */

/** A path that is encoded more often is not read any further. */
const MOST_ROUNDS = 3;

/** Read differently by those who decode slashes, decode twice, take a backslash for a slash, or resolve dot segments. */
const AMBIGUOUS = /%(?:2f|5c|25)|\\|(?:^|\/)\.\.?(?:\/|$)/;

/** The segments of a request target's path, in every way it may be read; nearly always there is but one. Letters are lower-case, because routers ignore case; needless encoding, empty segments and a slash at the end are gone.
 * @returns `undefined` when it is encoded so often that nobody can tell
 * @example pathReadings("/Reports//%37?page=2") // [["reports", "7"]] */
export function pathReadings(target: string): readonly (readonly string[])[] | undefined {
  const mark = target.indexOf("?");
  const plain = plainPath(mark < 0 ? target : target.slice(0, mark));
  if (!AMBIGUOUS.test(plain)) return [segmentsOf(plain)];
  const decoded = decodedPath(plain);
  if (decoded === undefined) return undefined;
  const readings = [segmentsOf(plain), segmentsOf(decoded)];
  return [...readings, ...readings.map(withoutDots)];
}

/** One spelling for what everybody reads alike: ASCII, lower-case, encoded only where it has to be.
 * @param path bytes as characters, as node:http gives them */
export function plainPath(path: string): string {
  return path
    .replace(/[^!-~]/g, (byte) => `%${byte.charCodeAt(0).toString(16).padStart(2, "0")}`)
    .replace(/%([2-7][\da-f])/gi, (encoded, hex: string) => {
      const character = String.fromCharCode(Number.parseInt(hex, 16));
      return /[!-~]/.test(character) && !STAYS_ENCODED.has(character) ? character : encoded;
    })
    .toLowerCase();
}

export function segmentsOf(path: string): readonly string[] {
  return path.split("/").filter((segment) => segment !== "");
}

/** Mean something else when they are decoded. */
const STAYS_ENCODED: ReadonlySet<string> = new Set(["%", "/", "\\", "?", "#"]);

function decodedPath(plain: string): string | undefined {
  let path = plain;
  for (let round = 0; round < MOST_ROUNDS; round++) {
    const once = plainPath(path.replaceAll("%25", "%").replaceAll("%2f", "/").replaceAll("%5c", "\\"));
    if (once === path) return path.replaceAll("\\", "/");
    path = once;
  }
  return undefined;
}

// RFC 3986 §5.2.4.
function withoutDots(segments: readonly string[]): readonly string[] {
  const kept: string[] = [];
  for (const segment of segments) {
    if (segment === "..") kept.pop();
    else if (segment !== ".") kept.push(segment);
  }
  return kept;
}
