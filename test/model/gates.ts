/**
 * Where handlers wait for the schedule. A render passes its first pause when one `go` was said, its second after
 * two, and so on. Never waits for time.
 */

export class Gates {
  #open = 0;
  readonly #waiting = new Set<{ readonly gate: number; readonly pass: () => void }>();

  /** Opens the next one, for all renders. */
  go(): void {
    this.#openUpTo(this.#open + 1);
  }

  openAll(): void {
    this.#openUpTo(Infinity);
  }

  /** Calls `pass` in a later turn, once so many are open; never, after what is returned was called. */
  wait(gate: number, pass: () => void): () => void {
    const waiter = { gate, pass };
    this.#waiting.add(waiter);
    if (gate < this.#open) this.#release(waiter);
    return () => this.#waiting.delete(waiter);
  }

  #openUpTo(open: number): void {
    this.#open = open;
    for (const waiter of this.#waiting) if (waiter.gate < open) this.#release(waiter);
  }

  #release(waiter: { readonly pass: () => void }): void {
    setImmediate(() => {
      if (this.#waiting.delete(waiter as never)) waiter.pass();
    });
  }
}

/** So many turns of the event loop: what is on its way over loopback arrives. */
export async function turns(count: number): Promise<void> {
  for (let turn = 0; turn < count; turn++) await new Promise(setImmediate);
}
