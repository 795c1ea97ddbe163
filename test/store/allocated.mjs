/** What a directory takes on its disk, by walking it: bytes of allocated blocks and entries, whatever else goes on in it. */
import { lstatSync, readdirSync } from "node:fs";
import { join } from "node:path";

const ENTRY = /^[0-9a-f]{62}$/;

/** @param {string} dir @returns {{ bytes: number, entries: number, temporary: number }} */
export function allocated(dir) {
  const total = { bytes: 0, entries: 0, temporary: 0 };
  const visit = (path, name) => {
    const stat = lstatSync(path, { throwIfNoEntry: false });
    if (stat === undefined) return;
    total.bytes += stat.blocks * 512;
    if (stat.isDirectory()) for (const inside of list(path)) visit(join(path, inside), inside);
    else if (ENTRY.test(name)) total.entries++;
    else if (name.startsWith("tmp-")) total.temporary++;
  };
  visit(dir, "");
  return total;
}

function list(path) {
  try {
    return readdirSync(path);
  } catch {
    return [];
  }
}
