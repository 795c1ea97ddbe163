/** How long a response goes on whose client has left, while its handler does not know: for as long as other requests
 * need it. Never decides whether it is complete. */

import type { HitForMiss } from "./hit-for-miss.js";
import type { ForwardPlan } from "./forward-plan.js";

/** When nothing has come for this long, waiting requests call the application themselves. */
const SILENT_MS = 1_000;
/** For this long a handler goes on for the store alone; then it learns that its client has left. */
const ALONE_MS = 30_000;

export interface AbsentClientEvents {
  /** Nothing has come for a second. Called again with each further second. */
  silent(forMs: number): void;
  /** Half a minute has passed since the client left. Called again with each further half minute. */
  late(): void;
}

export class AbsentClient {
  readonly #silence: NodeJS.Timeout;
  readonly #lateness: NodeJS.Timeout;
  #silentMs = 0;

  constructor(events: AbsentClientEvents) {
    this.#silence = setInterval(() => events.silent((this.#silentMs += SILENT_MS)), SILENT_MS).unref();
    this.#lateness = setInterval(() => events.late(), ALONE_MS).unref();
  }

  /** The handler has written. */
  progressed(): void {
    this.#silentMs = 0;
    this.#silence.refresh();
  }

  /** The response is over. */
  over(): void {
    clearInterval(this.#silence);
    clearInterval(this.#lateness);
  }
}

/** Whether a handler whose response has not begun may go on without its client. Not where nothing could be stored, nor
 * where the answer may be for this client alone. */
export function mayGoOnAlone({ page, request, facts }: ForwardPlan, hitForMiss: HitForMiss): boolean {
  if (page === undefined || request.method === "HEAD") return false;
  return !facts.authorization && !facts.cookies && !hitForMiss.has(page.key);
}
