/** How long a response goes on whose client has left, while its handler does not know: as others need it. Never decides whether it is whole. */

/** Nothing has come for so long: those who wait, and those who ask from then on, call the application for themselves. */
const SILENT_MS = 1_000;
/** For so long a handler goes on for the store alone; then it is told. */
const ALONE_MS = 30_000;

export class AbsentClient {
  readonly #silence: NodeJS.Timeout;
  readonly #solitude: NodeJS.Timeout;

  /** @param silent called once nothing has come for a second
   * @param alone called half a minute after the client has left, and every half minute from then on */
  constructor(silent: () => void, alone: () => void) {
    this.#silence = setTimeout(silent, SILENT_MS).unref();
    this.#solitude = setInterval(alone, ALONE_MS).unref();
  }

  /** The handler has written. */
  progressed(): void {
    this.#silence.refresh();
  }

  /** The response is over. */
  over(): void {
    clearTimeout(this.#silence);
    clearInterval(this.#solitude);
  }
}
