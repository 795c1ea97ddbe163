/** One decorator for both kinds: TC39's, which receives a method and a context, and TypeScript's legacy one, which
 * receives a property and its descriptor. */
import { decoratorError } from "../base/errors.js";

// Methods of any class may be decorated: `this` and the arguments are theirs.
// oxlint-disable-next-line typescript/no-explicit-any
type Method = (this: any, ...given: any[]) => unknown;

/** What `cached(policy)` returns: usable as `@cache.cached("5m")` under either setting of `experimentalDecorators`. */
export interface MethodDecoration<Handler extends Method> {
  <This, Decorated extends Handler>(
    method: Decorated,
    context: ClassMethodDecoratorContext<This, Decorated>,
  ): Decorated;
  (target: object, property: string | symbol, descriptor: PropertyDescriptor): void;
}

/** Whether a function that is also middleware is called as a decorator.
 * @param second the context of TC39's, the property of the legacy kind; response or `next` in middleware */
export function isDecorating(first: unknown, second: unknown): boolean {
  if (typeof second === "string" || typeof second === "symbol") return true;
  return typeof first === "function" && typeof second === "object" && second !== null && "kind" in second;
}

/** How the methods have to be called that a decorator is for. */
export interface Calling {
  /** Whether these arguments are what the wrapped handler takes. */
  fits(given: readonly unknown[]): boolean;
  /** Of the handler, for messages: `(req, res, next)`. */
  readonly signature: string;
  /**
   * For a method that is called in another way. `"call"`: it runs as if it was not decorated, and the process is warned;
   * `"throw"`: where leaving the decorator out could give a response to the wrong client, or a purged one.
   */
  readonly otherwise: "call" | "throw";
}

/** Makes a decorator of a function that wraps a handler. What reflect-metadata knows of the method is kept. */
export function methodDecoration<Handler extends Method>(
  wrap: (handler: Handler) => Handler,
  calling?: Calling,
): MethodDecoration<Handler> {
  const decorate = (method: Handler, name: string | symbol): Handler =>
    withMetadata(method, calling === undefined ? wrap(method) : whereItFits(method, wrap(method), calling, name));
  return ((
    method: unknown,
    context: ClassMethodDecoratorContext | string | symbol,
    descriptor?: PropertyDescriptor,
  ) => {
    if (descriptor === undefined) return decorate(method as Handler, (context as ClassMethodDecoratorContext).name);
    descriptor.value = decorate(descriptor.value as Handler, context as string | symbol);
    return undefined;
  }) as MethodDecoration<Handler>;
}

function whereItFits<Handler extends Method>(
  method: Handler,
  wrapped: Handler,
  { fits, signature, otherwise }: Calling,
  name: string | symbol,
): Handler {
  let warned = false;
  return function decorated(this: unknown, ...given: unknown[]) {
    if (fits(given)) return wrapped.apply(this, given);
    const error = decoratorError(String(name), signature, given);
    if (otherwise === "throw") throw error;
    if (!warned) process.emitWarning(error.message, { type: "DiskCacheWarning", code: error.code });
    warned = true;
    return method.apply(this, given);
  } as Handler;
}

/** Frameworks keep routes, status codes and pipes of a method as metadata of its function (reflect-metadata). */
function withMetadata<Handler extends Method>(method: Handler, decorated: Handler): Handler {
  const { getOwnMetadataKeys, getOwnMetadata, defineMetadata } = Reflect as Partial<ReflectMetadata>;
  for (const key of getOwnMetadataKeys?.(method) ?? []) {
    defineMetadata?.(key, getOwnMetadata?.(key, method), decorated);
  }
  return decorated;
}

interface ReflectMetadata {
  getOwnMetadataKeys(target: object): unknown[];
  getOwnMetadata(key: unknown, target: object): unknown;
  defineMetadata(key: unknown, value: unknown, target: object): void;
}
