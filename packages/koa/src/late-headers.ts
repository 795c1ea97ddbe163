/**
 * The fields of a hit, put on a ServerResponse only when somebody looks at them. Usually nobody does: then they go out as the flat list they are stored as,
 * at the price of a bare server. Whoever asks for a field or changes one finds all of them set, as if they had been from the beginning.
 */
import { ServerResponse } from "node:http";
import type { RawHeaders } from "@diskcache/core";

type Method = (this: LateResponse, ...given: unknown[]) => unknown;

/** Everything that reads or writes fields, or makes a head of them. */
const NAMES = [
  "getHeader",
  "getHeaders",
  "getHeaderNames",
  "getRawHeaderNames",
  "hasHeader",
  "setHeader",
  "setHeaders",
  "appendHeader",
  "removeHeader",
] as const;
type Name = (typeof NAMES)[number];

/** Node's own name for what makes a head, undocumented and as old as node:http: who hooks into it reads the fields there. */
const MAKE_HEAD = "_storeHeader";

const LATE = Symbol("late headers");

type Methods = Record<Name | typeof MAKE_HEAD | "writeHead", Method>;
type LateResponse = Methods & { [LATE]: RawHeaders | undefined };

const BARE = ServerResponse.prototype as unknown as Methods;
const LOOKING = Object.fromEntries(NAMES.map((name) => [name, looking(BARE[name])])) as Record<Name, Method>;

/** Whether this response may get its fields late: nobody has hooked into what handles them. */
export function canBeLate(res: ServerResponse): boolean {
  const methods = res as unknown as Methods;
  return (
    methods.writeHead === BARE.writeHead &&
    methods[MAKE_HEAD] === BARE[MAKE_HEAD] &&
    methods.getHeader === BARE.getHeader &&
    methods.getHeaders === BARE.getHeaders &&
    methods.getHeaderNames === BARE.getHeaderNames &&
    methods.getRawHeaderNames === BARE.getRawHeaderNames &&
    methods.hasHeader === BARE.hasHeader &&
    methods.setHeader === BARE.setHeader &&
    methods.setHeaders === BARE.setHeaders &&
    methods.appendHeader === BARE.appendHeader &&
    methods.removeHeader === BARE.removeHeader
  );
}

/** Gives a response without any fields these, late. The list must not change any more. */
export function setHeadersLate(res: ServerResponse, headers: RawHeaders): void {
  const late = res as unknown as LateResponse;
  late[LATE] = headers;
  late.writeHead = writeHead;
  late.getHeader = LOOKING.getHeader;
  late.getHeaders = LOOKING.getHeaders;
  late.getHeaderNames = LOOKING.getHeaderNames;
  late.getRawHeaderNames = LOOKING.getRawHeaderNames;
  late.hasHeader = LOOKING.hasHeader;
  late.setHeader = LOOKING.setHeader;
  late.setHeaders = LOOKING.setHeaders;
  late.appendHeader = LOOKING.appendHeader;
  late.removeHeader = LOOKING.removeHeader;
}

function looking(bare: Method): Method {
  return function look(this: LateResponse, ...given) {
    if (this[LATE] !== undefined) setNow(this);
    return Reflect.apply(bare, this, given);
  };
}

function writeHead(this: LateResponse, ...given: unknown[]): unknown {
  const headers = this[LATE];
  if (headers === undefined) return Reflect.apply(BARE.writeHead, this, given);
  // More than a status adds to the fields, and whoever has hooked in since reads them.
  if (given.length > 1 || this[MAKE_HEAD] !== BARE[MAKE_HEAD]) {
    setNow(this);
    return Reflect.apply(BARE.writeHead, this, given);
  }
  this[LATE] = undefined;
  return BARE.writeHead.call(this, given[0], headers);
}

function setNow(res: LateResponse): void {
  const headers = res[LATE]!;
  res[LATE] = undefined;
  for (let index = 0; index < headers.length; index += 2)
    BARE.appendHeader.call(res, headers[index], headers[index + 1]);
}
