/**
 * Views of a request through which a handler reads it, and which note the names of what it reads. Otherwise they behave
 * like the originals. Set only where a handler is about to run.
 */
import type { IncomingMessage, ServerResponse } from "node:http";
import { EVERY } from "@diskcache/core";
import type { Reads } from "@diskcache/core";
import { clonable } from "./clonable-views.js";

type Note = (name: string) => void;
type Named = Record<string, unknown>;

/** The objects behind the views: for the cache itself, and another cache further in, to read without being noted. */
const PLAIN = new WeakMap<IncomingMessage, Pick<IncomingMessage, "headers" | "rawHeaders">>();

/**
 * Own accessors give a request its own shape, unlike any that V8 has met. An object from which a property other than
 * the last was deleted keeps its properties in a table, and such objects share their shape.
 */
const PASSING = Symbol("diskcache.passing");

/** Puts views in place of the fields, the cookies and, where a part of it is not in the key, the query. */
export function watchRequest(req: IncomingMessage, reads: Reads): void {
  const { headers, rawHeaders } = req;
  if (!PLAIN.has(req)) PLAIN.set(req, { headers, rawHeaders });
  const passing = req as { [PASSING]?: undefined };
  passing[PASSING] = undefined;
  // HTTP/2's method, scheme, host and path are in the key.
  const noteField: Note = (name) => {
    if (!name.startsWith(":")) reads.field(name);
  };
  // The position of a field is not known before all of it has been read.
  const noteEvery = (): void => noteField(EVERY);
  const watched =
    replace(req, "headers", recording(headers, noteField)) &&
    replace(req, "rawHeaders", recording(rawHeaders as unknown as Named, noteEvery));
  // What cannot be watched may be read.
  if (!watched) noteEvery();
  // A parser reads all of them, and then sets the property.
  const parsed = (): void => reads.cookies.clear();
  for (const name of ["cookies", "signedCookies"]) watchProperty(req, name, (cookie) => reads.cookie(cookie), parsed);
  if (reads.watchesQuery) watchProperty(req, "query", (parameter) => reads.parameter(parameter));
  delete passing[PASSING];
}

/** The request's own fields, without the views. Where no cache has handed the request on yet, there are no views. */
export function plainFields(req: IncomingMessage): Pick<IncomingMessage, "headers" | "rawHeaders"> {
  return req.diskCache === undefined ? req : (PLAIN.get(req) ?? req);
}

/** Returns a view of any object the property has, or gets later: parsers set theirs after the cache.
 * @param replaced called when the property is set */
export function watchProperty(owner: object, name: string, note: Note, replaced?: () => void): void {
  const inherited = Object.getPrototypeOf(owner) as object;
  let own: PropertyDescriptor | undefined = Object.getOwnPropertyDescriptor(owner, name);
  // An own accessor is the view of a cache further out.
  const value = (): unknown => {
    if (own === undefined) return Reflect.get(inherited, name, owner);
    return own.get === undefined ? own.value : Reflect.apply(own.get, owner, []);
  };
  const view: PropertyDescriptor = {
    get() {
      const read = value();
      return typeof read === "object" && read !== null ? recording(read as Named, note) : read;
    },
    set(given: unknown) {
      own = { value: given };
      // A value that is set is seen from now on.
      Object.defineProperty(owner, name, { ...view, enumerable: true });
      replaced?.();
    },
    configurable: true,
    enumerable: own?.enumerable === true,
  };
  if (!Reflect.defineProperty(owner, name, view)) note(EVERY);
}

// As the object's own code would do it: by the setter of the class where there is one, and on an own property
// otherwise.
function replace(owner: object, name: string, value: unknown): boolean {
  const own = Object.getOwnPropertyDescriptor(owner, name);
  if (own === undefined && hasSetter(owner, name)) return Reflect.set(owner, name, value);
  const enumerable = own?.enumerable === true;
  return Reflect.defineProperty(owner, name, { value, configurable: true, enumerable, writable: true });
}

function hasSetter(owner: object, name: string): boolean {
  for (let at: object | null = owner; at !== null; at = Object.getPrototypeOf(at) as object | null) {
    const found = Object.getOwnPropertyDescriptor(at, name);
    if (found !== undefined) return found.set !== undefined;
  }
  return false;
}

function recording(target: Named, note: Note): Named {
  // The properties of every object are read by code that inspects one, and are no field.
  const asked = (name: string | symbol): void => {
    if (typeof name === "string" && (Object.hasOwn(target, name) || !(name in Object.prototype))) note(name);
  };
  const view: Named = new Proxy(target, {
    get: (fields, name, receiver) => {
      asked(name);
      return Reflect.get(fields, name, receiver === view ? fields : receiver) as unknown;
    },
    has: (fields, name) => {
      asked(name);
      return name in fields;
    },
    getOwnPropertyDescriptor: (fields, name) => {
      asked(name);
      return Object.getOwnPropertyDescriptor(fields, name);
    },
    ownKeys: (fields) => {
      note(EVERY);
      return Reflect.ownKeys(fields);
    },
    // By default, setting a property reads it first.
    set: (fields, name, value, receiver) => Reflect.set(fields, name, value, receiver === view ? fields : receiver),
  });
  return clonable(view, () => {
    note(EVERY);
    return target;
  });
}

/* Listeners for the end of a response: logs and metrics, which read its fields when it is over. */

/** Node's own listener. */
export const NODES_OWN = 1;

/** What the npm package on-finished leaves on a response: one listener of its own, and a queue of those it calls. */
interface SharedListener {
  readonly __onFinished?: { readonly queue?: readonly unknown[] | null } | null;
}

/** How many listeners wait for the end of the response. */
export function watchersOf(res: ServerResponse): number {
  return res.listenerCount("finish") + res.listenerCount("close") + Math.max(0, queuedOn(res) - 1);
}

/** How many callbacks wait for the end of a message through on-finished. */
export function queuedOn(message: IncomingMessage | ServerResponse): number {
  const { __onFinished: shared } = message as SharedListener;
  return shared?.queue?.length ?? 0;
}
