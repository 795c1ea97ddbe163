/**
 * An error that becomes the response: Koa removes every field and answers with its status. Changes made by on-headers
 * hooks are made again, since hooks run once. Never sees an error that comes after the head.
 */
import type { ServerResponse } from "node:http";
import type { Context } from "koa";

/** `setHeaders` calls `setHeader`. */
const CHANGING = ["setHeader", "appendHeader", "removeHeader"] as const;

/** Calls `act` when Koa is about to answer an error. */
export function beforeFailure(ctx: Context, act: () => unknown): void {
  const { onerror } = ctx;
  // Koa also calls it without an error, when a response has ended.
  const answer: typeof onerror = (error) => {
    if (error !== null && error !== undefined && !ctx.headerSent) act();
    Reflect.apply(onerror, ctx, [error]);
  };
  Object.assign(ctx, { onerror: answer });
}

/** For Node, removing `Date` means that none is wanted: Node does not add its own. */
export function takeDateAway(res: ServerResponse): void {
  res.removeHeader("Date");
  res.sendDate = true;
}

/** Runs `ask`, and repeats its changes to status and fields where an error becomes the response. */
export function sayAgain(ctx: Context, ask: () => void): void {
  const { res } = ctx;
  const { statusCode } = res;
  const said = changesDuring(res, ask);
  // A status or field that is set to the value it had looks like one that is left alone.
  const status = res.statusCode === statusCode ? undefined : res.statusCode;
  if (status !== undefined || said.length > 0) beforeFailure(ctx, () => answerFailureBy(res, said, status));
}

// Where the hooks inside would run: before those outside, which may change what these have set.
function answerFailureBy(res: ServerResponse, said: readonly (() => void)[], hooked: number | undefined): void {
  const { writeHead } = res;
  const answer = (status: unknown, ...rest: unknown[]): unknown => {
    res.writeHead = writeHead;
    if (!res.headersSent) for (const say of said) say();
    return Reflect.apply(writeHead, res, [hooked ?? status, ...rest]);
  };
  Object.assign(res, { writeHead: answer });
}

type Method = (...given: unknown[]) => unknown;

function changesDuring(res: ServerResponse, act: () => void): (() => void)[] {
  const methods = res as unknown as Record<(typeof CHANGING)[number], Method>;
  const changes: (() => void)[] = [];
  const restore = CHANGING.map((name) => {
    const own = Object.hasOwn(res, name);
    const method = methods[name];
    const noting: Method = (...given) => {
      changes.push(() => void Reflect.apply(method, res, given));
      return Reflect.apply(method, res, given);
    };
    methods[name] = noting;
    return () => {
      // A hook added meanwhile calls it.
      if (methods[name] !== noting) return;
      if (own) methods[name] = method;
      else Reflect.deleteProperty(methods, name);
    };
  });
  try {
    act();
  } finally {
    for (const undo of restore) undo();
  }
  return changes;
}
