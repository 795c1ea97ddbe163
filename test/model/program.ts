/**
 * A program of the model: what a handler does, the middlewares around it, the clients and the order in which they
 * act, as plain data. Never runs anything.
 */

import type { DiskFault } from "./disk-faults.js";

export type Field = readonly [name: string, value: string];

/** How a handler finds out that its client has gone: by an event, or by asking before each step. */
export const SIGNS = [
  "res-close",
  "req-close",
  "req-aborted",
  "socket-close",
  "finished",
  "write-error",
  "abort-signal",
  "res-destroyed",
  "req-destroyed",
  "aborted-flag",
  "res-closed",
  "res-writable",
  "socket-destroyed",
] as const;
export type Sign = (typeof SIGNS)[number];

/**
 * What it does then: `end` ends the response, `stop` writes nothing more, `apology` renders a short page in place of
 * the real one, `fallback` writes a last piece and ends, `destroy` breaks the connection.
 */
export const REACTIONS = ["end", "stop", "apology", "fallback", "destroy"] as const;
export type Reaction = (typeof REACTIONS)[number];

export type HeadForm = "status" | "reason" | "object" | "flat" | "pairs";
export type ChunkForm = "string" | "buffer" | "bytes";
export type EndForm = "plain" | "callback" | "send";

export type Step =
  | { readonly do: "set" | "append"; readonly field: Field }
  | { readonly do: "remove"; readonly name: string }
  | { readonly do: "status"; readonly status: number }
  | { readonly do: "head"; readonly form: HeadForm; readonly status: number; readonly fields: readonly Field[] }
  /** Announces how long all that follows is. */
  | { readonly do: "length" }
  /** The content depends on `Accept-Language`, and `Vary` says so: at once, or when the head leaves. */
  | { readonly do: "language"; readonly vary: "set" | "hook" }
  /** What an on-headers hook inside the cache adds when the head leaves. */
  | { readonly do: "late"; readonly field: Field }
  | { readonly do: "flush" | "cork" | "uncork" }
  /** `drain`: goes on only after `drain` when `write` says so, in the listener itself or a microtask later. */
  | { readonly do: "write"; readonly bytes: number; readonly as: ChunkForm; readonly drain?: "sync" | "await" }
  /** Until the schedule says `go`. */
  | { readonly do: "pause" }
  | PipeStep
  | { readonly do: "end"; readonly form: EndForm; readonly bytes?: number }
  | { readonly do: "throw" }
  /** Answers no more; `first`: only in the first render. */
  | { readonly do: "never"; readonly first?: true }
  | { readonly do: "watch"; readonly sign: Sign; readonly reaction: Reaction };

export interface PipeStep {
  readonly do: "pipe";
  readonly pieces: number;
  readonly bytes: number;
  /** `slow`: a piece a turn of the event loop; `paused`: waits for a `go` in the middle. */
  readonly pace: "fast" | "slow" | "paused";
  readonly by: "pipe" | "pipeline";
  /** In the middle. */
  readonly fails?: true;
}

export type Middleware =
  /** Of on-headers kind. */
  | { readonly use: "hook"; readonly set?: Field; readonly remove?: string; readonly status?: number }
  | { readonly use: "compress" }
  /** Replaces `write` and `end`, and calls those it found. */
  | { readonly use: "wrap" }
  /** A second cache on the same directory. */
  | { readonly use: "cache" };

export interface ClientScript {
  readonly method?: "HEAD";
  readonly range?: string;
  /** `If-None-Match`: the tag of an earlier answer, another one, or `*`. */
  readonly match?: "same" | "other" | "*";
  /** `Accept-Encoding`. */
  readonly coding?: string;
  readonly language?: string;
  readonly http10?: true;
  /** Two requests at once on one connection. */
  readonly twice?: true;
  /** Reads nothing until the schedule says so. */
  readonly slow?: true;
  /** After so many bytes of the body; 0: with the head. */
  readonly leaves?: "before-head" | number;
}

/** `calm` waits until every client that has joined has its answer, or nothing moves any more. */
export type Act = `join ${number}` | `leave ${number}` | `read ${number}` | "go" | "calm" | "purge" | "expire";

export interface World {
  /** Another instance on the same directory stands in for a second process and is asked afterwards. */
  readonly second?: true;
  /** A socket of the file system, whose buffers are small. */
  readonly unix?: true;
  /** HTTP/2 without TLS. */
  readonly http2?: true;
  /** Nothing is kept in memory, and a call of the disk fails, counted from the first act. */
  readonly disk?: DiskFault;
}

export interface Program {
  readonly handler: readonly Step[];
  readonly inside?: readonly Middleware[];
  readonly outside?: readonly Middleware[];
  readonly clients: readonly ClientScript[];
  readonly acts?: readonly Act[];
  readonly world?: World;
}

/** What a handler owes that does not come to its end. */
const OWED_BYTES = 1000;

/** How many bytes of content a handler means to make. */
export function contentBytes(steps: readonly Step[]): number {
  let bytes = 0;
  for (const step of steps) {
    if (step.do === "write") bytes += step.bytes;
    if (step.do === "throw") return bytes + OWED_BYTES;
    if (step.do === "pipe") return bytes + step.pieces * step.bytes + (step.fails ? OWED_BYTES : 0);
    if (step.do === "end") return bytes + (step.bytes ?? 0);
  }
  return bytes;
}

/** Whether the cache in this program stands twice in the way of a request, or has a second instance. */
export function needsSecond({ inside = [], world = {} }: Program): boolean {
  return world.second === true || inside.some(({ use }) => use === "cache");
}

/** Whether some client leaves before its answer is over. */
export function someoneLeaves({ clients, acts = [] }: Program): boolean {
  return clients.some(({ leaves }) => leaves !== undefined) || acts.some((act) => act.startsWith("leave"));
}

/** Whether every render breaks off. */
export function breaksOff({ handler }: Program): boolean {
  return handler.some((step) => step.do === "throw" || (step.do === "pipe" && step.fails));
}

/** Over HTTP/2, Node sends other bytes than it was given where a piece is empty, or a string of one byte (20 to 24).
 * A render that only the first client cannot finish says something only when that client leads and leaves.
 * A head that is flushed past Koa leaves nothing to what encodes Koa's bodies outside, and no one compresses twice. */
export function isSound({ handler, inside = [], outside = [], clients, acts = [], world = {} }: Program): boolean {
  const isTiny = (step: Step): boolean => (step.do === "write" || step.do === "end") && (step.bytes ?? 2) <= 1;
  if (world.http2 && handler.some(isTiny)) return false;
  const compresses = ({ use }: Middleware): boolean => use === "compress";
  const twice = handler.some((step) => step.do === "flush") || inside.some(compresses);
  if (twice && outside.some(compresses)) return false;
  if (!handler.some((step) => step.do === "never" && step.first)) return true;
  const first = acts.find((act) => act.startsWith("join"));
  return clients[0]?.leaves !== undefined && (first === undefined || first === "join 0");
}

/** The same without the properties that have no value. */
export function withoutUndefined<Whole extends object>(
  whole: Whole,
): { [Key in keyof Whole]: Exclude<Whole[Key], undefined> } {
  return Object.fromEntries(Object.entries(whole).filter(([, value]) => value !== undefined)) as never;
}
