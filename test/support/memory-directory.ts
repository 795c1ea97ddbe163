/** Runs once before all tests: their directories lie in memory where the system has a file system for that, with room.
 * A busy disk is what tests wait for longest. `npm run test:all` leaves them on the disk, and so does a `TMPDIR`. */
import { mkdtempSync, rmSync, statfsSync } from "node:fs";

const SHARED_MEMORY = "/dev/shm";
/** `f_type` of Linux's tmpfs. */
const TMPFS = 0x0102_1994;
/** Several times what lies there at most. */
const ROOM_BYTES = 2 * 1024 ** 3;

export default function setup(): (() => void) | undefined {
  if (process.env["DISKCACHE_TEST"] === "all" || process.env["TMPDIR"] !== undefined || !hasRoom()) return undefined;
  const dir = mkdtempSync(`${SHARED_MEMORY}/diskcache-`);
  process.env["TMPDIR"] = dir;
  const remove = (): void => rmSync(dir, { recursive: true, force: true });
  // Also when the run is broken off.
  process.once("exit", remove);
  return remove;
}

function hasRoom(): boolean {
  try {
    const { type, bavail, bsize } = statfsSync(SHARED_MEMORY);
    return type === TMPFS && bavail * bsize > ROOM_BYTES && process.availableMemory() > ROOM_BYTES;
  } catch {
    return false;
  }
}
