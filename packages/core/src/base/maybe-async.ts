/** Continues with a value that is usually available at once: no promise and no extra turn unless the disk made one
 * necessary. */

export type MaybeAsync<Value> = Value | Promise<Value>;

export function andThen<A, B>(value: MaybeAsync<A>, next: (value: A) => MaybeAsync<B>): MaybeAsync<B> {
  return value instanceof Promise ? value.then(next) : next(value);
}
