/** Events of a request and a response that are held back, and emitted later in their order. */
import type { IncomingMessage, ServerResponse } from "node:http";

export type Emitter = IncomingMessage | ServerResponse;
export type Emit = (this: Emitter, name: string | symbol, ...given: unknown[]) => boolean;

interface Held {
  readonly emitter: Emitter;
  readonly emit: Emit;
  readonly name: string;
  readonly given: readonly unknown[];
  /** Listeners that were called at once. */
  readonly told: ReadonlySet<unknown>;
}

const NONE: ReadonlySet<never> = new Set();

export class HeldEvents {
  #held: Held[] = [];

  /** @param emit the original method
   * @param outside how many of its listeners, the first ones, are called at once */
  hold(emitter: Emitter, emit: Emit, name: string, given: readonly unknown[], outside = 0): void {
    const first = outside === 0 ? [] : emitter.rawListeners(name).slice(0, outside);
    for (const listener of first) Reflect.apply(listener, emitter, given);
    this.#held.push({ emitter, emit, name, given, told: first.length === 0 ? NONE : new Set(first) });
  }

  /** Not at once: the handler may be running right now. */
  tell(): void {
    const held = this.#held;
    if (held.length === 0) return;
    this.#held = [];
    process.nextTick(() => held.forEach(tellNow));
  }
}

function tellNow({ emitter, emit, name, given, told }: Held): void {
  if (told.size === 0) {
    Reflect.apply(emit, emitter, [name, ...given]);
    return;
  }
  for (const listener of emitter.rawListeners(name)) if (!told.has(listener)) Reflect.apply(listener, emitter, given);
}
