/** The asynchronous context of what the cache does by itself: that in which this module was loaded, never that of the request which gave the occasion.
 * An application keeps in it whom a request is for (`AsyncLocalStorage`); a page that is rendered for everybody is for no one of them. */
import { AsyncResource } from "node:async_hooks";

const loading = new AsyncResource("DiskCache");

/** Does work that belongs to no request. What it begins belongs to none either. */
export function inOwnContext<Result>(work: () => Result): Result {
  return loading.runInAsyncScope(work);
}
