/** The moment before a head leaves: whatever is hooked into the sending of it (sessions, on-headers) has had its say, and its fields can still be changed. */
import type { ServerResponse } from "node:http";

type Method = (this: ServerResponse, ...given: unknown[]) => unknown;

/** Node's own name for it, undocumented and as old as node:http. */
const MAKE_HEAD = "_storeHeader";

/** Calls `tell` once, when the head is about to become bytes; where Node does not let that moment be seen, right after it has.
 * Hooks replace `writeHead` and call the one they found, so what stands behind all of them is what that one calls. */
export function beforeHeadLeaves(res: ServerResponse, tell: () => void): void {
  const methods = res as unknown as Record<string, Method | undefined> & { writeHead: Method };
  const { [MAKE_HEAD]: makeHead, writeHead } = methods;
  if (makeHead === undefined) {
    methods.writeHead = (...given) => {
      methods.writeHead = writeHead;
      Reflect.apply(writeHead, res, given);
      tell();
      return res;
    };
    return;
  }
  methods[MAKE_HEAD] = (...given) => {
    methods[MAKE_HEAD] = makeHead;
    tell();
    return Reflect.apply(makeHead, res, given);
  };
}
