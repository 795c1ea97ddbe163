/**
 * The fields of a hit, set on a ServerResponse only when other code reads them. Usually none does: then they are sent
 * as the flat list they are stored as, at the cost of a bare server. Code that reads or changes a field finds all of
 * them set, as if they had been from the beginning; code that reads them once the head has been sent, as logs do, is
 * answered from the list.
 */
import { OutgoingMessage, ServerResponse } from "node:http";
import type { RawHeaders } from "@diskcache/core";

type Method = (this: LateResponse, ...given: unknown[]) => unknown;

const READING = ["getHeader", "getHeaders", "getHeaderNames", "getRawHeaderNames", "hasHeader"] as const;
const CHANGING = ["setHeader", "setHeaders", "appendHeader", "removeHeader"] as const;
type Name = (typeof READING)[number] | (typeof CHANGING)[number];

/**
 * Node's own name for the method that makes a head, undocumented and as old as node:http: hooks into it read the fields
 * there.
 */
const MAKE_HEAD = "_storeHeader";

const LATE = Symbol("late headers");
const SENT = Symbol("late headers, to be read when they are sent");

type Methods = Record<Name | typeof MAKE_HEAD | "writeHead", Method>;
type LateResponse = Methods & {
  readonly headersSent: boolean;
  /** Until they are set. */
  [LATE]: RawHeaders | undefined;
  [SENT]: OutgoingMessage | undefined;
};

const BARE = ServerResponse.prototype as unknown as Methods;
const LOOKING = Object.fromEntries([
  ...READING.map((name) => [name, reading(BARE[name])] as const),
  ...CHANGING.map((name) => [name, changing(BARE[name])] as const),
]) as Record<Name, Method>;

/** Whether this response may get its fields late: no hook is in the methods that handle them. */
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

/** Gives these fields, late, to a response that has none. The list must not change afterwards. */
export function setHeadersLate(res: ServerResponse, headers: RawHeaders): void {
  const late = res as unknown as LateResponse;
  late[LATE] = headers;
  late[SENT] = undefined;
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

function reading(bare: Method): Method {
  return function read(this: LateResponse, ...given) {
    const headers = this[LATE];
    if (headers === undefined) return Reflect.apply(bare, this, given);
    if (this.headersSent) return Reflect.apply(bare, (this[SENT] ??= messageWith(headers)), given);
    setNow(this, headers);
    return Reflect.apply(bare, this, given);
  };
}

// Once they are sent, Node refuses.
function changing(bare: Method): Method {
  return function change(this: LateResponse, ...given) {
    const headers = this[LATE];
    if (headers !== undefined && !this.headersSent) setNow(this, headers);
    return Reflect.apply(bare, this, given);
  };
}

function writeHead(this: LateResponse, ...given: unknown[]): unknown {
  const headers = this[LATE];
  if (headers === undefined || this.headersSent) return Reflect.apply(BARE.writeHead, this, given);
  // Arguments besides the status add fields, and hooks added since read them.
  if (given.length > 1 || this[MAKE_HEAD] !== BARE[MAKE_HEAD]) {
    setNow(this, headers);
    return Reflect.apply(BARE.writeHead, this, given);
  }
  return BARE.writeHead.call(this, given[0], headers);
}

function setNow(res: LateResponse, headers: RawHeaders): void {
  res[LATE] = undefined;
  append(res, headers);
}

function messageWith(headers: RawHeaders): OutgoingMessage {
  const message = new OutgoingMessage();
  append(message, headers);
  return message;
}

function append(message: OutgoingMessage | LateResponse, headers: RawHeaders): void {
  for (let index = 0; index < headers.length; index += 2)
    Reflect.apply(BARE.appendHeader, message, [headers[index], headers[index + 1]]);
}
