/** What a waiting entry becomes at the moment it is written: its bytes and the room for them, or nothing, when it was purged or there is no room. */
import type { EntryHead } from "./contract.js";
import { encodeEntry } from "./entries/format.js";
import { Room } from "./bounds/room.js";
import { SealedBody } from "./entries/sealed-body.js";
import type { StoreParts } from "./store-parts.js";
import type { StoredEntry } from "./entries/stored-entry.js";
import type { Encoded } from "./entries/write-queue.js";

export function encodeForDisk<Value>(parts: StoreParts<Value>, { head, body }: StoredEntry<Value>): Encoded {
  const { caretaker, judge, rules } = parts;
  const room = new Room(caretaker);
  const pieces = judge.alive(head) ? piecesOf(parts, head, body as Buffer) : undefined;
  if (pieces === undefined) rules.refuse("purged", head.key);
  else if (room.grow(pieces.reduce((bytes, piece) => bytes + piece.length, 0)))
    return { pieces, expiresAt: head.expiresAt, room };
  else rules.refuse("over-budget", head.key);
  return undefined;
}

function piecesOf<Value>(
  { log, paths, seals }: StoreParts<Value>,
  head: EntryHead,
  body: Buffer,
): Buffer[] | undefined {
  if (seals === undefined) return encodeEntry(head, body, log.epoch);
  const seal = seals.begin(paths.entry(head.key).file);
  return encodeEntry(head, body, log.epoch, new SealedBody(seal), seal);
}
