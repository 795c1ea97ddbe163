/** The machine's file system, of which chosen calls fail. */
import { nodeFileSystem } from "../../packages/core/src/store/file-system.js";
import type { FileSystem } from "../../packages/core/src/store/file-system.js";

export interface Faulty {
  readonly fs: FileSystem;
  /** Calls since the last `fail`. */
  readonly calls: number;
  /** From now on the calls that `which` names fail, the first being 0; one that only closes or asks what a name stands
   * for never does. */
  fail(code: string, which: (call: number, name: string) => boolean): void;
  heal(): void;
}

type AnyCall = (...given: unknown[]) => unknown;

export function faultyFileSystem(): Faulty {
  let calls = 0;
  let code = "";
  let which: (call: number, name: string) => boolean = () => false;
  const fs = new Proxy(nodeFileSystem, {
    get(target, name: keyof FileSystem) {
      const real = target[name] as AnyCall;
      return (...given: unknown[]): unknown => {
        // The first count asks for 256 directories: that one of these calls fails is not worth 256 runs.
        if (name === "lstatSync" || name.startsWith("close") || !which(calls++, name)) return real.apply(target, given);
        const error = Object.assign(new Error(`${code}: injected into ${name}`), { code });
        const done = given.at(-1);
        if (name.endsWith("Sync") || typeof done !== "function") throw error;
        return void setImmediate(() => (done as AnyCall)(error));
      };
    },
  });
  return {
    fs,
    get calls() {
      return calls;
    },
    fail(failing, selected) {
      calls = 0;
      code = failing;
      which = selected;
    },
    heal() {
      which = () => false;
    },
  };
}
