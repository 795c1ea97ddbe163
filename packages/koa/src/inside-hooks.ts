/** Middleware inside the cache that hooks into the sending of the head (on-headers): it speaks before the head is decided, and then no more. */
import type { ServerResponse } from "node:http";
import { headGiven, setHeaderLines } from "@diskcache/http";

export class InsideHooks {
  readonly #res: ServerResponse;
  /** As it was, hooked outside or not. */
  readonly #outer: ServerResponse["writeHead"];
  #asking = false;

  /** Put in place before the handler runs: what hooks in from then on is inside. */
  constructor(res: ServerResponse) {
    this.#res = res;
    this.#outer = res.writeHead;
    res.writeHead = this.#writeHead;
  }

  /** Has all of them speak; what they change is set on the response. */
  speak(): void {
    const res = this.#res;
    if (res.writeHead !== this.#writeHead) {
      this.#asking = true;
      res.writeHead(res.statusCode);
      this.#asking = false;
    }
    res.writeHead = this.#outer;
  }

  readonly #writeHead = (status: number, ...rest: unknown[]): ServerResponse => {
    const res = this.#res;
    if (!this.#asking) return Reflect.apply(this.#outer, res, [status, ...rest]);
    const { reason, fields } = headGiven(rest);
    res.statusCode = status;
    if (reason !== undefined) res.statusMessage = reason;
    setHeaderLines(res, fields);
    return res;
  };
}
