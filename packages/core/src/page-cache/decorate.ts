/** One decorator for both kinds: TC39's, which receives a method and a context, and TypeScript's legacy one, which
 * receives a property and its descriptor. */

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

/** Makes a decorator of a function that wraps a handler. */
export function methodDecoration<Handler extends Method>(
  wrap: (handler: Handler) => Handler,
): MethodDecoration<Handler> {
  return ((method: unknown, _context: unknown, descriptor?: PropertyDescriptor) => {
    if (descriptor === undefined) return wrap(method as Handler);
    descriptor.value = wrap(descriptor.value as Handler);
    return undefined;
  }) as MethodDecoration<Handler>;
}
