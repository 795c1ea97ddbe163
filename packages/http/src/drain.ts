/**
 * `drain`, as a handler hears it: once neither its client nor the disk is behind, in its own turn and its own async
 * context.
 */
import { AsyncResource } from "node:async_hooks";
import { EventEmitter } from "node:events";
import type { ServerResponse } from "node:http";

type On = (this: ServerResponse, name: string, listener: () => void) => ServerResponse;

export class Drain {
  readonly #res: ServerResponse;
  readonly #taken: () => void;
  #clientBehind = false;
  #diskBehind = false;
  /** Set while the handler waits. */
  #wake: (() => void) | undefined;
  /** `on` of middleware outside that takes over the listeners, as compression does. */
  readonly #outerOn: On | undefined;
  #relayed = false;

  /** @param taken called whenever the client has taken all it was given */
  constructor(res: ServerResponse, taken: () => void) {
    this.#res = res;
    this.#taken = taken;
    if (!Object.hasOwn(res, "on")) return;
    const outer = res.on as On;
    this.#outerOn = outer;
    // Listeners from inside are called here; those from outside are passed on.
    const on: On = function on(name, listener) {
      return name === "drain"
        ? (EventEmitter.prototype.on.call(this, name, listener) as ServerResponse)
        : outer.call(this, name, listener);
    };
    res.on = res.addListener = on as typeof res.on;
  }

  /** Whether `drain` has to be emitted to the handler here: Node alone would not reach it. */
  get mustTell(): boolean {
    return this.#outerOn !== undefined;
  }

  /** The handler has written. Returns whether it may go on; where not, `drain` follows. */
  wrote(clientBehind: boolean, diskBehind: boolean): boolean {
    this.#clientBehind = clientBehind;
    this.#diskBehind = diskBehind;
    if (!clientBehind && !diskBehind) return true;
    this.#wake ??= AsyncResource.bind(() => void this.#res.emit("drain"));
    if (clientBehind) this.#relay();
    return false;
  }

  /** The connection says that it takes more.
   * @returns whether the handler may hear of it */
  drained(): boolean {
    this.#taken();
    this.#clientBehind = false;
    if (this.#diskBehind) return false;
    this.#wake = undefined;
    return true;
  }

  /** The handler need not wait for its client any more. */
  readonly clientFlows = (): void => {
    this.#clientBehind = false;
    this.#tell();
  };

  /** The disk has caught up. */
  readonly diskFlows = (): void => {
    this.#diskBehind = false;
    this.#tell();
  };

  // Not at once: the handler may be writing right now, and the room was made by other code.
  #tell(): void {
    const wake = this.#wake;
    if (wake === undefined || this.#clientBehind || this.#diskBehind) return;
    this.#wake = undefined;
    process.nextTick(wake);
  }

  #relay(): void {
    if (this.#outerOn === undefined || this.#relayed) return;
    this.#relayed = true;
    this.#outerOn.call(this.#res, "drain", () => {
      this.#taken();
      this.clientFlows();
    });
  }
}
