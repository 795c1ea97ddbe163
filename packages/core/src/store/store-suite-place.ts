/** Where the cases of the store suite run: several stores over one place, with a clock of their own, and what bodies they
 * put and read. Has no cases. */
import assert from "node:assert/strict";
import { wholeBody } from "./contract.js";
import type { EntryHead, OpenStore, Store, StoreEntry, StoreEvent } from "./contract.js";

/** A store, and what its owner knows. */
interface Opened {
  readonly store: Store<string>;
  readonly events: readonly StoreEvent[];
  /** A head of this moment. */
  head(key: string, more?: Partial<EntryHead>): EntryHead;
}

export interface Place {
  open(idle?: boolean): Opened;
  /** Lets time pass. */
  advance(ms: number): void;
}

export type Check = (place: Place) => Promise<void>;
/** A sentence about a store, and what shows it. */
export type NamedCheck = readonly [name: string, check: Check];

export const HOUR_MS = 3_600_000;
/** A meta that an owner cannot read. */
export const UNREADABLE = "unreadable";
export const MOST_WAIT_MS = 20_000;

export async function runOver(open: OpenStore, check: Check): Promise<void> {
  const stores: Store<string>[] = [];
  let now = Date.now();
  const clock = { now: () => now };
  const decode = ({ meta }: EntryHead): string => {
    if (meta === UNREADABLE || meta === "") throw new Error("not a meta of this owner");
    return `decoded ${meta}`;
  };
  const place: Place = {
    advance: (ms) => void (now += ms),
    open: (idle = false) => {
      const events: StoreEvent[] = [];
      const store = open<string>({ decode, observe: (event) => void events.push(event), clock, patient: true, idle });
      stores.push(store);
      const head = (key: string, more: Partial<EntryHead> = {}): EntryHead => {
        const lifetime = { storedAt: now, expiresAt: now + HOUR_MS, birth: store.positionNow() };
        return { key, scope: "host", name: key, tags: [], meta: "meta", ...lifetime, ...more };
      };
      return { store, events, head };
    },
  };
  try {
    await check(place);
  } finally {
    await Promise.all(stores.map((store) => store.close()));
  }
}

/** What another store has purged is known from the next turn of the event loop on. */
export function nextTurn(): Promise<void> {
  return new Promise((resolve) => void setImmediate(resolve));
}

type Found = StoreEntry<string> | undefined;

async function bytesOf(found: Found | Promise<Found>): Promise<Buffer | undefined> {
  const entry = await found;
  return entry && wholeBody(entry);
}

export async function textOf(found: Found | Promise<Found>): Promise<string | undefined> {
  return (await bytesOf(found))?.toString();
}

/** In one line: a difference of long buffers takes an assertion of Node 22 and later more memory than there is. */
export async function isBody(found: Found | Promise<Found>, expected: Buffer): Promise<void> {
  const bytes = await bytesOf(found);
  const same = bytes?.equals(expected) === true;
  assert.equal(same ? "the body" : `${bytes?.length ?? "no"} bytes that are not the body`, "the body");
}

export function bodyOf(bytes: number): Buffer {
  return Buffer.alloc(bytes, "0123456789abc");
}
