/**
 * Lets the functions that clone a value take the views of a request for the objects behind them: a Proxy cannot be
 * cloned, and no other code can see what is read.
 * Does nothing where cloning works, and handles no other Proxy.
 */
import { syncBuiltinESMExports } from "node:module";

/** From a view to the object behind it, all of which counts as read. */
const SHOWN = new WeakMap<object, () => object>();

/** The functions that clone: messages of ports and of workers, and in Node 20 `structuredClone`. These modules are
 * loaded with the first view, because many applications never need them. */
function cloningFunctions(): readonly (readonly [owner: object, name: string])[] {
  const { BroadcastChannel, MessagePort } = process.getBuiltinModule("node:worker_threads");
  return [
    [globalThis, "structuredClone"],
    [MessagePort.prototype, "postMessage"],
    [BroadcastChannel.prototype, "postMessage"],
    [process.getBuiltinModule("node:v8"), "serialize"],
  ];
}

let isTaught = false;

/** @param shown called when the view is cloned
 * @returns the view */
export function clonable<View extends object>(view: View, shown: () => object): View {
  if (!isTaught) teach();
  SHOWN.set(view, shown);
  return view;
}

function teach(): void {
  isTaught = true;
  for (const [owner, name] of cloningFunctions()) {
    const own = Object.getOwnPropertyDescriptor(owner, name);
    // Frozen in this process by other code: there, cloning fails as it does with any Proxy.
    if (own?.configurable === true && typeof own.value === "function")
      Object.defineProperty(owner, name, { ...own, value: cloningViews(own.value as Cloning) });
  }
  syncBuiltinESMExports();
}

type Cloning = (this: unknown, ...given: unknown[]) => unknown;

function cloningViews(clone: Cloning): Cloning {
  const clones: Cloning = function (...given) {
    try {
      return Reflect.apply(clone, this, given);
    } catch (thrown) {
      const [value, ...rest] = given;
      if (!holdsView(value, new Set())) throw thrown;
      return Reflect.apply(clone, this, [withoutViews(value, new Map()), ...rest]);
    }
  };
  for (const name of ["name", "length"] as const) Object.defineProperty(clones, name, { value: clone[name] });
  return clones;
}

function holdsView(value: unknown, seen: Set<unknown>): boolean {
  if (typeof value !== "object" || value === null || seen.has(value)) return false;
  if (SHOWN.has(value)) return true;
  seen.add(value);
  return contentOf(value).some((member) => holdsView(member, seen));
}

/** The same value, with its shared and circular references. */
function withoutViews(value: unknown, made: Map<unknown, unknown>): unknown {
  if (typeof value !== "object" || value === null) return value;
  const shown = SHOWN.get(value);
  // The object behind it may be the view of a cache further out.
  if (shown !== undefined) return withoutViews(shown(), made);
  if (made.has(value)) return made.get(value);
  const same = (member: unknown): unknown => withoutViews(member, made);
  if (value instanceof Map) {
    const copy = new Map<unknown, unknown>();
    made.set(value, copy);
    for (const [key, member] of value) copy.set(same(key), same(member));
    return copy;
  }
  if (value instanceof Set) {
    const copy = new Set<unknown>();
    made.set(value, copy);
    for (const member of value) copy.add(same(member));
    return copy;
  }
  if (!isBare(value)) return value;
  const copy: object = Array.isArray(value) ? Object.assign([], { length: value.length }) : {};
  made.set(value, copy);
  for (const [name, member] of Object.entries(value))
    Object.defineProperty(copy, name, { value: same(member), enumerable: true, configurable: true, writable: true });
  return copy;
}

function contentOf(value: object): readonly unknown[] {
  if (value instanceof Map) return [...value.keys(), ...value.values()];
  if (value instanceof Set) return [...value];
  return isBare(value) ? Object.values(value) : [];
}

// An instance of a class may be more than its fields.
function isBare(value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value);
  return Array.isArray(value) || prototype === null || prototype === Object.prototype;
}
