/** A low-level cache for one test, and what it has on disk. */
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { FileCache } from "@diskcache/core";
import type { FileCacheOptions } from "@diskcache/core";
import { onTestFinished } from "vitest";
import { ManualClock } from "../support/manual-clock.js";
import { temporaryDirectory } from "../support/temporary-directory.js";

const clock = new ManualClock();

/** On a directory of its own, at a moment that does not pass. */
export function open(options: Partial<FileCacheOptions> = {}): FileCache {
  const cache = new FileCache({ dir: temporaryDirectory(), clock, ...options });
  onTestFinished(() => cache.close());
  return cache;
}

export function entryFiles(dir: string): string[] {
  return readdirSync(dir, { withFileTypes: true, recursive: true })
    .filter((file) => file.isFile() && /^[0-9a-f]{62}$/.test(file.name))
    .map((file) => join(file.parentPath, file.name));
}
