/** The command line of the documentation sites. */
import { relative, resolve } from "node:path";
import { parseArgs } from "node:util";
import { REPOSITORY_ROOT } from "./site.js";

export interface SiteOptions {
  /** `0` asks the system for a free one. Pages are kept by host and port, so only a start on the same port finds them. */
  readonly port: number;
  readonly dir: string;
  /** Begin with an empty cache. */
  readonly fresh: boolean;
  /** End after the table. */
  readonly once: boolean;
}

export interface SiteDefaults {
  readonly port: number;
  /** Below the repository's root. */
  readonly dir: string;
}

/** What the command line asks for; on `--help` and on a wrong option it says how to use it, and ends the process. */
export function readOptions(defaults: SiteDefaults, args: readonly string[] = process.argv.slice(2)): SiteOptions {
  try {
    const { values } = parseArgs({
      args: [...args],
      options: {
        port: { type: "string" },
        dir: { type: "string" },
        fresh: { type: "boolean" },
        once: { type: "boolean" },
        help: { type: "boolean" },
      },
    });
    if (values.help) {
      console.log(usage(defaults));
      process.exit(0);
    }
    return {
      port: values.port === undefined ? defaults.port : portNumber(values.port),
      dir: values.dir === undefined ? resolve(REPOSITORY_ROOT, defaults.dir) : resolve(values.dir),
      fresh: values.fresh ?? false,
      once: values.once ?? false,
    };
  } catch (error) {
    console.error(`${error instanceof Error ? error.message : String(error)}\n\n${usage(defaults)}`);
    process.exit(2);
  }
}

/** A directory as one would type it from here, when that is shorter. */
export function shownPath(dir: string): string {
  const fromHere = relative(process.cwd(), dir);
  return fromHere.length < dir.length && !fromHere.startsWith("..") ? fromHere : dir;
}

function portNumber(text: string): number {
  const port = Number(text);
  if (!/^\d+$/.test(text) || port > 65_535) throw new Error(`--port: expected a number from 0 to 65535, got "${text}"`);
  return port;
}

function usage({ port, dir }: SiteDefaults): string {
  return `Options:
  --port <n>    where to listen, 0 for any free port; pages are kept by host and port (default ${port})
  --dir <path>  where the cache keeps its pages (default ${dir})
  --fresh       clear the cache first
  --once        end after the table`;
}
