/** `@diskcache/testing`: a cache for the tests of an application, and assertions on what it did with a response. Knows
 * no test runner. */
export { assertHit, assertNotStored, assertStored } from "./assertions.js";
export type { AnyHeaders, AnyResponse } from "./assertions.js";
export { testCache } from "./test-cache.js";
export type { AnyCache, TestCache, TestClock, TestOptions } from "./test-cache.js";
