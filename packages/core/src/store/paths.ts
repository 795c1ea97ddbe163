/** Where things are in the directory, and which names are the cache's own. No part of a URL, tag or header ever
 * becomes part of a path. */
import { hash } from "node:crypto";
import { Recent } from "../base/recent.js";
import { formatIdentity, ownIdentity, parseIdentity, uniqueSuffix } from "./process-identity.js";
import type { ProcessIdentity } from "./process-identity.js";

/** One level of 256 directories, made when first needed. */
export const SHARD_COUNT = 256;

/** Paths kept in memory. */
const REMEMBERED_PATHS = 512;

const ENTRY_NAME = /^[0-9a-f]{62}$/;
const TEMP_NAME = /^tmp-([0-9a-f]{8}-\d{1,10}-\d{1,15})-[0-9a-f]{6}-\d{1,15}$/;

/** Where the entry of a key lives: `shard` is its directory, `file` its full path. */
export interface EntryPath {
  readonly shard: string;
  readonly file: string;
}

export class Paths {
  readonly root: string;
  readonly #tempPrefix = `tmp-${formatIdentity(ownIdentity)}-${uniqueSuffix()}-`;
  #tempCount = 0;
  /** One key is asked for several times in a row: looked up, locked, written. */
  readonly #recent = new Recent<string, EntryPath>(REMEMBERED_PATHS);

  constructor(root: string) {
    this.root = root;
  }

  /** `<root>/<2 hex>/<62 hex>` of the SHA-256 of the key. */
  entry(key: string): EntryPath {
    const known = this.#recent.get(key);
    if (known !== undefined) return known;
    const digest = hash("sha256", key);
    const shard = `${this.root}/${digest.slice(0, 2)}`;
    const path = { shard, file: `${shard}/${digest.slice(2)}` };
    this.#recent.set(key, path);
    return path;
  }

  shard(index: number): string {
    return `${this.root}/${index.toString(16).padStart(2, "0")}`;
  }

  /** A name that no other process uses, in the same directory as its target, so that the rename stays inside it. */
  temp(directory: string): string {
    return `${directory}/${this.#tempPrefix}${this.#tempCount++}`;
  }
}

/** Which of the 256 shards an entry's path belongs to. */
export function shardIndex(path: EntryPath): number {
  return Number.parseInt(path.shard.slice(-2), 16);
}

export function isEntryName(name: string): boolean {
  return ENTRY_NAME.test(name);
}

/** The process that made a temporary file; `undefined` when the name is not one of the cache's own. */
export function tempOwner(name: string): ProcessIdentity | undefined {
  const match = TEMP_NAME.exec(name);
  return match === null ? undefined : parseIdentity(match[1] as string);
}
