/** Whether two paths name one directory: spelled differently, or through a link. Creates nothing, never throws. */
import { statSync } from "node:fs";
import { resolve } from "node:path";

export function sameDirectory(a: string, b: string): boolean {
  if (a === b || resolve(a) === resolve(b)) return true;
  const one = identity(a);
  return one !== undefined && one === identity(b);
}

function identity(path: string): string | undefined {
  try {
    const stat = statSync(path, { bigint: true, throwIfNoEntry: false });
    return stat && `${stat.dev}:${stat.ino}`;
  } catch {
    return undefined;
  }
}
