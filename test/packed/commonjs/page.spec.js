/** A test without TypeScript. */
const { DiskCacheError } = require("@diskcache/core");
const { diskCache } = require("@diskcache/express");

test("the packages can be required", () => {
  expect(() => diskCache({})).toThrow(DiskCacheError);
});
