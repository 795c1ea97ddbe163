/** How long the client that a handler answers may block it. Only says when to leave it behind; the adapter does
 * that. */

/** For this long when alone: others that wait for the page may be in another process, where they are not seen. */
const STALLED_MS = 100;

export class ClientPace {
  readonly #followed: () => boolean;
  #leave: (() => void) | undefined;
  #timer: NodeJS.Timeout | undefined;

  /** @param followed whether others in this process read along what the handler writes */
  constructor(followed: () => boolean) {
    this.#followed = followed;
  }

  /** The client does not read what the handler writes as fast as it comes, and the handler waits for it.
   * @param leave called at once when others read along, otherwise when a reader comes or the client has taken too
   * long */
  stalls(leave: () => void): void {
    if (this.#followed()) return leave();
    this.#leave = leave;
    this.#timer ??= setTimeout(() => this.followed(), STALLED_MS).unref();
  }

  /** It has caught up, or there is nothing more to wait for. */
  flows(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#leave = undefined;
  }

  /** Another request reads along now. */
  followed(): void {
    const leave = this.#leave;
    this.flows();
    leave?.();
  }
}
