/** Decorators, put on by hand: no test is compiled for both kinds. */

/** Puts a method through `cached(policy)` the way a compiler would apply the decorator. */
export function decorated<Method>(decoration: unknown, method: Method, legacy: boolean): Method {
  if (!legacy)
    return (decoration as (method: Method, context: object) => Method)(method, { kind: "method", name: "show" });
  const descriptor: TypedPropertyDescriptor<Method> = { value: method, configurable: true };
  (decoration as (proto: object, name: string, descriptor: TypedPropertyDescriptor<Method>) => void)(
    {},
    "show",
    descriptor,
  );
  return descriptor.value!;
}
