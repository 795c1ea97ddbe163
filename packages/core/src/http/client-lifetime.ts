/** For how long a client may store a page, counted from when it gets it. */
import { deltaSeconds, MAX_DELTA_SECONDS } from "./delta-seconds.js";
import { splitMembers } from "./fields.js";

/** A `Cache-Control` that the operator gave for clients. */
export interface ClientCacheControl {
  readonly field: string;
  /** Whether its lifetimes begin when the client gets the page, and not when the page was made. */
  readonly fromReceipt: boolean;
}

/** The field value for a response of this age: clients subtract `Age` from a lifetime (RFC 9111 §4.2), so one that
 * begins on receipt is longer by that. A lifetime of 0 stays 0.
 * @param age in whole seconds
 * @example cacheControlAt({ field: "public, max-age=60", fromReceipt: true }, 1200) // "public, max-age=1260" */
export function cacheControlAt({ field, fromReceipt }: ClientCacheControl, age: number): string {
  if (!fromReceipt || age <= 0) return field;
  return splitMembers(field)
    .map((member) => longer(member, age))
    .join(", ");
}

function longer(member: string, age: number): string {
  const [, directive, given] = LIFETIME.exec(member) ?? [];
  const seconds = given === undefined ? undefined : deltaSeconds(given);
  if (seconds === undefined || seconds === 0) return member;
  return `${directive}=${Math.min(seconds + age, MAX_DELTA_SECONDS)}`;
}

const LIFETIME = /^(max-age|s-maxage)="?([0-9]+)"?$/i;
