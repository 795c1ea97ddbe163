/**
 * Whether a directory looks like one that is served to visitors. What a framework's static middleware serves cannot be seen from outside (`express.static` and
 * `koa-static` keep their root to themselves), so names and what lies beside have to speak for it. Reads no file.
 */
import { dirname, isAbsolute, relative, sep } from "node:path";
import type { FileSystem } from "./file-system.js";

/** Directory names that web servers and static middleware commonly publish. */
const PUBLISHED_NAMES: ReadonlySet<string> = new Set(["public", "public_html", "static", "htdocs", "wwwroot"]);
/** The same, but only inside an application: many live under `/var/www` themselves. */
const PUBLISHED_WITHIN: ReadonlySet<string> = new Set(["www"]);

/** Why visitors could probably fetch what lies in the directory; `undefined` when nothing speaks for it.
 * @param path absolute
 * @param home the working directory: an application may itself live under /srv/public, so only what lies below it counts where `path` does */
export function publishedBy(fs: FileSystem, path: string, home: string): string | undefined {
  const below = relative(home, path);
  const within = !isAbsolute(below) && below.split(sep)[0] !== ".." && dirname(home) !== home;
  const name = (within ? below : path)
    .split(/[\\/]/)
    .find((part) => PUBLISHED_NAMES.has(part.toLowerCase()) || (within && PUBLISHED_WITHIN.has(part.toLowerCase())));
  if (name !== undefined) return `lies under \`${name}\`, which is commonly served to visitors`;
  const site = siteAbove(fs, path, home);
  return site && `lies in ${site}, whose index.html says that it is served to visitors`;
}

// The nearest directory above that has a start page; not the application's own, nor one above that.
function siteAbove(fs: FileSystem, path: string, home: string): string | undefined {
  for (let at = path; at !== dirname(at) && !holds(at, home); at = dirname(at)) {
    if (exists(fs, `${at}/index.html`)) return at;
  }
  return undefined;
}

function exists(fs: FileSystem, path: string): boolean {
  try {
    return fs.lstatSync(path, { throwIfNoEntry: false }) !== undefined;
  } catch {
    return false;
  }
}

function holds(directory: string, path: string): boolean {
  const below = relative(directory, path);
  return !isAbsolute(below) && below.split(sep)[0] !== "..";
}
