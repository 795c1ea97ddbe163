/** An entry's file as somebody writes it who can write into the directory and knows the format: every checksum right. */
import { readFileSync, writeFileSync } from "node:fs";
import type { CacheHandle } from "@diskcache/http";
import type { EntryHead } from "../../packages/core/src/store/contract.js";
import { decodeEntryHead, encodeEntry } from "../../packages/core/src/store/entries/format.js";

export interface Entry {
  readonly head: EntryHead;
  readonly body: Buffer;
}

/** Puts another entry in the place of one, of the same cache and moment. */
export function craft(file: string, change: (entry: Entry) => Partial<Entry>): void {
  const { epoch, ...entry } = readEntry(file);
  const { head, body } = { ...entry, ...change(entry) };
  writeFileSync(file, Buffer.concat(encodeEntry(head, body, epoch)!));
}

export function readEntry(file: string): Entry & { readonly epoch: number } {
  const bytes = readFileSync(file);
  const decoded = decodeEntryHead(bytes, bytes.length, bytes.length, file);
  if (typeof decoded === "string") throw new Error(decoded);
  const { bodyOffset, bodyBytes, epoch } = decoded.preamble;
  return { head: decoded.head, body: bytes.subarray(bodyOffset, bodyOffset + bodyBytes), epoch };
}

/** Resolves when nothing waits for the disk any more, so that nothing is written over what is planted. */
export async function written(cache: Pick<CacheHandle, "stats">): Promise<void> {
  while ((await cache.stats()).pendingWrites > 0) await new Promise((resolve) => setImmediate(resolve));
}
