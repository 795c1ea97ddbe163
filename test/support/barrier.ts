/** An order of events that a test decides: whoever waits goes on when the test says so. */

export interface Barrier {
  /** Resolves once `open` has been called. */
  readonly opened: Promise<void>;
  open(): void;
}

export function barrier(): Barrier {
  let open = (): void => {};
  const opened = new Promise<void>((resolve) => (open = resolve));
  return { opened, open };
}

/** Resolves once it has been called so many times. */
export interface Tally {
  readonly count: number;
  add(): void;
  reaches(count: number): Promise<void>;
}

export function tally(): Tally {
  const waiting: { readonly count: number; readonly resolve: () => void }[] = [];
  let count = 0;
  return {
    get count() {
      return count;
    },
    add() {
      count++;
      for (const waiter of waiting) if (count >= waiter.count) waiter.resolve();
    },
    reaches(wanted) {
      return new Promise((resolve) => (count >= wanted ? resolve() : void waiting.push({ count: wanted, resolve })));
    },
  };
}
