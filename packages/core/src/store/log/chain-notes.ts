/**
 * What the invalidation log notes of the machines that share purges, as text. Reads and writes no file.
 *
 * A note is a JSON list:
 *
 * ```
 * ["taken", 12, "5b…", "a0…", 0, "tag", null, "report:7"]   record 12 of the chain was taken over: its mark, the mark
 *                                                          before it, 1 for soft, kind, scope and text
 * ["at", 12, "5b…", 9, "c4…", 0]   the directory stands at 12 from now on, where it stood at 9; 1 for: everything
 *                                  stored is purged
 * ["shares"]   the directory shares its purges from now on
 * ["relay", "3f…"]   a process begins to pass purges on, under this token
 * ["contact", 81234.5, "1f0a93bc"]   nothing was missing at this moment of the steady clock, of which boot
 * ["left"]   there is no contact any more: the machine does not take part
 * ["tick", 81239.5, "1f0a93bc"]   the steady clock, while there is no contact
 * ["known", …]  ["own", …]   in a snapshot: a record taken over before, and a purge that is not on the chain yet
 * ["stood", 12, "5b…"]   in a snapshot: the directory stood there, and the record is not known
 * ```
 */
import type { LogPosition, PathSelector, PurgeSelector } from "../contract.js";

/** A place on the chain: the number of its newest record there, and the mark of that. */
export interface Stand {
  readonly number: number;
  readonly mark: string;
}

/** What a record of the chain purges. */
export interface ChainPurge {
  readonly selector: PurgeSelector | PathSelector;
  readonly soft: boolean;
}

/** A record of the chain, as a machine reads it. Without a purge it only continues the chain. */
export interface ChainRecord extends Stand {
  readonly before: string;
  readonly purge: ChainPurge | undefined;
}

/** Characters of a purge's own mark. */
const OWN_MARK = 12;

/** The own mark of the purge that a record tells of: the mark of the record begins with it. */
export function ownMarkOf(mark: string): string {
  return mark.slice(0, OWN_MARK);
}

/** A purge that was made in this directory, and its position there. It gets its mark with its position. */
export interface OwnPurge extends ChainPurge {
  readonly mark: string;
  readonly position: LogPosition;
}

/** A note as the log keeps it. */
export interface Note {
  readonly text: string;
  readonly position: LogPosition | undefined;
}

/** The steady clock of a machine at some moment; two of one boot compare. */
export interface Moment {
  readonly atMs: number;
  readonly boot: string;
}

/** Where a chain begins. */
export const ORIGIN: Stand = Object.freeze({ number: 0, mark: "0".repeat(12) });
export const ALL: PurgeSelector = { kind: "all" };
/** Characters of a selector in a note; one that is longer purges everything elsewhere. */
const MOST_CHARACTERS = 15_000;

export const SHARES_NOTE = JSON.stringify(["shares"]);
export const LEFT_NOTE = JSON.stringify(["left"]);

/** A record of the chain that is taken over. */
export function takenNote(record: ChainRecord): string {
  return recordNote("taken", record);
}

/** Another place on the chain.
 * @param from where the directory stands; `undefined` for one that joins
 * @param cold records in between are missing: whatever is stored may be out of date */
export function standNote(to: Stand, from: Stand | undefined, cold: boolean): string {
  return JSON.stringify(["at", to.number, to.mark, from?.number ?? -1, from?.mark ?? "", cold ? 1 : 0]);
}

/** The directory has stood there. */
export function stoodNote({ number, mark }: Stand): string {
  return JSON.stringify(["stood", number, mark]);
}

export function contactNote({ atMs, boot }: Moment): string {
  return JSON.stringify(["contact", atMs, boot]);
}

export function relayNote(token: string): string {
  return JSON.stringify(["relay", token]);
}

export function tickNote({ atMs, boot }: Moment): string {
  return JSON.stringify(["tick", atMs, boot]);
}

export function ownNote(own: OwnPurge): string {
  return JSON.stringify(["own", own.mark, ...purgeFields(own)]);
}

export function recordNote(name: "taken" | "known", { number, mark, before, purge }: ChainRecord): string {
  return JSON.stringify([name, number, mark, before, ...(purge === undefined ? [] : purgeFields(fitting(purge)))]);
}

/* What a purge consists of, in notes and on the chain. */

export type PurgeFields = readonly [soft: 0 | 1, kind: string, scope: string | null, text: string];

export function purgeFields({ selector, soft }: ChainPurge): PurgeFields {
  const scope = "scope" in selector ? (selector.scope ?? null) : null;
  return [soft ? 1 : 0, selector.kind, scope, textOf(selector)];
}

/** `undefined` when the fields are not those of a purge. */
export function purgeIn([soft, kind, given, text]: readonly unknown[]): ChainPurge | undefined {
  const scope = typeof given === "string" ? given : undefined;
  if (typeof text !== "string" || (soft !== 0 && soft !== 1)) return undefined;
  const selector = selectorOf(String(kind), scope, text);
  return selector && { selector, soft: soft === 1 };
}

function selectorOf(kind: string, scope: string | undefined, text: string): PurgeSelector | PathSelector | undefined {
  switch (kind) {
    case "name":
      return { kind, name: text, scope };
    case "prefix":
      return { kind, prefix: text, scope };
    case "path":
      return { kind, path: text, scope };
    case "scope":
      return scope === undefined ? undefined : { kind, scope };
    case "tag":
      return { kind, tag: text };
    case "all":
      return { kind };
    default:
      return undefined;
  }
}

function textOf(selector: PurgeSelector | PathSelector): string {
  switch (selector.kind) {
    case "name":
      return selector.name;
    case "prefix":
      return selector.prefix;
    case "path":
      return selector.path;
    case "tag":
      return selector.tag;
    case "scope":
    case "all":
      return "";
  }
}

export function fitting(purge: ChainPurge): ChainPurge {
  const [, , scope, text] = purgeFields(purge);
  return (scope ?? "").length + text.length <= MOST_CHARACTERS ? purge : { selector: ALL, soft: false };
}

export function recordIn([, number, mark, before, ...fields]: readonly unknown[]): ChainRecord {
  return { number: Number(number), mark: String(mark), before: String(before), purge: purgeIn(fields) };
}

/** The fields of a note; none when it is not one. */
export function noteOf(text: string): readonly unknown[] {
  try {
    const note: unknown = JSON.parse(text);
    return Array.isArray(note) ? note : [];
  } catch {
    return [];
  }
}
