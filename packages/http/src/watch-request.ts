/** Views of a request through which a handler reads it, and which note the names of what it reads. Put in place only where a handler is about to run. */
import type { IncomingMessage } from "node:http";
import { EVERY } from "@diskcache/core";
import type { Reads } from "@diskcache/core";

type Note = (name: string) => void;
type Named = Record<string, unknown>;

/** What the views look at: the cache itself, and another cache further in, read without being noted. */
const PLAIN = new WeakMap<IncomingMessage, Pick<IncomingMessage, "headers" | "rawHeaders">>();

/** Puts views in place of the fields, the cookies and, where a part of it is not in the key, the query. */
export function watchRequest(req: IncomingMessage, reads: Reads): void {
  const { headers, rawHeaders } = req;
  if (!PLAIN.has(req)) PLAIN.set(req, { headers, rawHeaders });
  // What HTTP/2 says of method, scheme, host and path is in the key.
  const noteField: Note = (name) => {
    if (!name.startsWith(":")) reads.field(name);
  };
  Object.defineProperty(req, "headers", {
    value: recording(headers as Named, noteField),
    configurable: true,
    enumerable: true,
    writable: true,
  });
  Object.defineProperty(req, "rawHeaders", {
    get() {
      noteField(EVERY);
      return rawHeaders;
    },
    configurable: true,
    enumerable: true,
  });
  // A parser goes through all of them, and then puts them there.
  const parsed = (): void => reads.cookies.clear();
  for (const name of ["cookies", "signedCookies"]) watchProperty(req, name, (cookie) => reads.cookie(cookie), parsed);
  if (reads.watchesQuery) watchProperty(req, "query", (parameter) => reads.parameter(parameter));
}

/** The request's own fields, past the views. Where no cache has handed the request on yet, there are none. */
export function plainFields(req: IncomingMessage): Pick<IncomingMessage, "headers" | "rawHeaders"> {
  return req.diskCache === undefined ? req : (PLAIN.get(req) ?? req);
}

/** Gives out a view of whatever object the property has, or gets later: parsers put theirs in after the cache.
 * @param replaced told when it gets one */
export function watchProperty(owner: object, name: string, note: Note, replaced?: () => void): void {
  const inherited = Object.getPrototypeOf(owner) as object;
  let own: PropertyDescriptor | undefined = Object.getOwnPropertyDescriptor(owner, name);
  // An own accessor is the view of a cache further out.
  const value = (): unknown => {
    if (own === undefined) return Reflect.get(inherited, name, owner);
    return own.get === undefined ? own.value : Reflect.apply(own.get, owner, []);
  };
  Object.defineProperty(owner, name, {
    get() {
      const read = value();
      return typeof read === "object" && read !== null ? recording(read as Named, note) : read;
    },
    set(given: unknown) {
      own = { value: given };
      replaced?.();
    },
    configurable: true,
    enumerable: own !== undefined,
  });
}

function recording(target: Named, note: Note): Named {
  // What every object has is asked for by whoever looks at one, and is no field.
  const asked = (name: string | symbol): void => {
    if (typeof name === "string" && (Object.hasOwn(target, name) || !(name in Object.prototype))) note(name);
  };
  return new Proxy(target, {
    get: (fields, name) => {
      asked(name);
      return fields[name as string];
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
  });
}
