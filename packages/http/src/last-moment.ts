/** The moment before a head leaves: whatever is hooked into the sending of it (sessions, on-headers) has had its say, and its fields can still be changed. */
import type { ServerResponse } from "node:http";
import { headMaker } from "./response-class.js";

type Method = (this: ServerResponse, ...given: unknown[]) => unknown;

/** Calls `tell` once, when the head is about to become bytes; where Node does not let that moment be seen, right after it has.
 * Hooks replace `writeHead` and call the one they found, so what stands behind all of them is what that one calls. */
export function beforeHeadLeaves(res: ServerResponse, tell: () => void): void {
  const maker = headMaker(res);
  if (maker === undefined) {
    const methods = res as unknown as { writeHead: Method };
    const { writeHead } = methods;
    methods.writeHead = (...given) => {
      methods.writeHead = writeHead;
      Reflect.apply(writeHead, res, given);
      tell();
      return res;
    };
    return;
  }
  const [owner, name] = maker;
  const makeHead = owner[name]!;
  owner[name] = (...given) => {
    owner[name] = makeHead;
    tell();
    return Reflect.apply(makeHead, owner, given);
  };
}
