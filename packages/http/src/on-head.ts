/**
 * A last change to a response before anything of it is sent, whichever of its methods begins it. The change may be
 * asynchronous: until then the response waits, and the handler sees it as sent.
 */
import type { ServerResponse } from "node:http";
import { headerGroups, headersGiven, setHeaderGroup } from "./header-groups.js";
import { headMaker } from "./response-class.js";

type Method = "writeHead" | "write" | "end" | "flushHeaders";

const METHODS: readonly Method[] = ["writeHead", "write", "end", "flushHeaders"];

/** Properties that frameworks and handlers see as they will be once the response has gone on. */
const BEGUN = ["headersSent", "writableEnded"] as const;

/** Calls `act` once, when status and header fields are those the handler wants; its changes are sent. */
export function beforeHead(res: ServerResponse, act: (res: ServerResponse) => void | Promise<void>): void {
  const own = Object.fromEntries(METHODS.map((name) => [name, res[name]])) as Record<Method, unknown>;
  const waiting: (() => unknown)[] = [];
  let state: "before" | "waiting" | "sent" = "before";

  const begin = (): void => {
    state = "sent";
    const acting = act(res);
    if (acting === undefined) return;
    state = "waiting";
    shadow(res, "headersSent");
    // An error from here on would have been thrown in the handler, which has gone on.
    acting.then(goOn).catch((error: Error) => res.destroy(error));
  };
  const goOn = (): void => {
    state = "sent";
    for (const name of BEGUN) Reflect.deleteProperty(res, name);
    for (const call of waiting) call();
    if (!res.writableEnded && !res.writableNeedDrain) res.emit("drain");
  };
  const call = (name: Method, given: readonly unknown[]): unknown =>
    Reflect.apply(own[name] as (...given: readonly unknown[]) => unknown, res, given);
  const replacement =
    (name: Method) =>
    (...given: unknown[]): unknown => {
      const args = state === "before" && name === "writeHead" ? takeHead(res, given) : given;
      if (state === "before") begin();
      if (state === "sent") return call(name, args);
      waiting.push(() => call(name, args));
      if (name === "end") shadow(res, "writableEnded");
      return name === "write" ? false : res;
    };
  for (const name of METHODS) res[name] = replacement(name) as never;
}

function shadow(res: ServerResponse, name: (typeof BEGUN)[number]): void {
  Object.defineProperty(res, name, { configurable: true, get: () => true });
}

// Arguments of `writeHead` become fields set on the response, where they can be read and changed.
function takeHead(res: ServerResponse, [status, ...rest]: readonly unknown[]): unknown[] {
  const reason = typeof rest[0] === "string" ? rest[0] : undefined;
  const given = reason === undefined ? (rest[1] ?? rest[0]) : rest[1];
  for (const group of headerGroups(headersGiven(given)).values()) setHeaderGroup(res, group);
  res.statusCode = Number(status);
  return reason === undefined ? [status] : [status, reason];
}

/*
 * The moment before a head leaves: every hook into its sending (sessions, on-headers) has run, and its fields can still
 * be changed.
 */

type Calling = (this: ServerResponse, ...given: unknown[]) => unknown;

/**
 * Calls `tell` once, when the head is about to become bytes; where Node does not let that moment be seen, right after
 * it.
 * Hooks replace `writeHead` and call the one they found, so the last one called comes after all of them.
 */
export function beforeHeadLeaves(res: ServerResponse, tell: () => void): void {
  const maker = headMaker(res);
  if (maker === undefined) {
    const methods = res as unknown as { writeHead: Calling };
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
