/** The asynchronous context of the cache's own work: that in which this module was loaded, never that of the request
 * that caused it. An application stores in it which user a request is for (`AsyncLocalStorage`); a page that is
 * rendered for all users is for none of them. */
import { AsyncResource } from "node:async_hooks";

const loading = new AsyncResource("DiskCache");

/** Does work that belongs to no request. What it begins belongs to none either. */
export function inOwnContext<Result>(work: () => Result): Result {
  return loading.runInAsyncScope(work);
}
