/** How long the visitor that a handler answers may hold it up. Only says when he is to be left behind; the adapter does it. */

/** By himself so long: others who wait for the page may be in another process, where nobody sees them. */
const STALLED_MS = 100;

export class VisitorPace {
  readonly #followed: () => boolean;
  #leave: (() => void) | undefined;
  #timer: NodeJS.Timeout | undefined;

  /** @param followed whether others in this process wait for what the handler writes */
  constructor(followed: () => boolean) {
    this.#followed = followed;
  }

  /** He does not take what the handler writes as fast as it comes.
   * @param leave called at once when others wait, otherwise when somebody comes or it has taken too long */
  stalls(leave: () => void): void {
    if (this.#followed()) return leave();
    this.#leave = leave;
    this.#timer ??= setTimeout(() => this.followed(), STALLED_MS).unref();
  }

  /** He has caught up, or there is nothing more to wait for. */
  flows(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#leave = undefined;
  }

  /** Somebody waits now. */
  followed(): void {
    const leave = this.#leave;
    this.flows();
    leave?.();
  }
}
