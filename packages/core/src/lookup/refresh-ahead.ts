/** When a fresh response is refreshed before it goes stale (`refreshAhead`): while it is requested, at a random moment
 * of its own. Keeps what it needs beside the response; runs on every hit, so it does no more than a comparison
 * there. */
import type { StoredResponse } from "../stored/stored-response.js";

/** Whether this hit is to have it refreshed.
 * @param part of the lifetime, counted from its end
 * @param now epoch milliseconds */
export function drawDueAhead(stored: StoredResponse, part: number, now: number): boolean {
  const { refreshAt } = stored;
  if (refreshAt === undefined) {
    // Requested once: perhaps never again.
    stored.refreshAt = Number.POSITIVE_INFINITY;
    return false;
  }
  if (refreshAt === Number.POSITIVE_INFINITY) stored.refreshAt = momentWithin(stored, part);
  return now >= stored.refreshAt!;
}

/** Whether `isDueAhead` would return false, and record nothing from being called. */
export function isSurelyEarly({ refreshAt }: StoredResponse, now: number): boolean {
  return refreshAt !== undefined && refreshAt !== Number.POSITIVE_INFINITY && now < refreshAt;
}

// Anywhere in that part of its lifetime: pages that were stored together are not refreshed together, and processes do
// not refresh at once.
function momentWithin({ policy: { storedAt, lifetime, initialAge } }: StoredResponse, part: number): number {
  return storedAt + (lifetime - initialAge - lifetime * part * Math.random()) * 1000;
}
