/** The last request for which a plain page was looked for in vain: when it is decided on in the same turn, it need not look there again. */
import { setImmediate } from "node:timers";
import type { RawHeaders } from "../base/exchange.js";

export class VainLook {
  #request: RawHeaders | undefined = undefined;
  #key = "";
  readonly #forget = (): void => {
    this.#request = undefined;
  };

  /** @param request its header fields, the very ones: by them it is known again */
  note(request: RawHeaders, key: string): void {
    if (this.#request === undefined) setImmediate(this.#forget);
    this.#request = request;
    this.#key = key;
  }

  /** Whether nothing was there a moment ago. */
  was(request: RawHeaders, key: string): boolean {
    return this.#request === request && this.#key === key;
  }
}
