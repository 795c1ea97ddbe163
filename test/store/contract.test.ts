import { describe } from "vitest";
import type { DiskStore } from "../../packages/core/src/store/disk-store.js";
import { temporaryDirectory } from "../support/temporary-directory.js";
import { opened } from "./opened.js";
import { storeContract } from "./store-contract.js";

describe.each([
  { given: "without memory", memoryBytes: 0 },
  { given: "with memory", memoryBytes: 2 ** 20 },
])("DiskStore $given", ({ memoryBytes }) => {
  storeContract(() => {
    const dir = temporaryDirectory();
    return {
      open: () => opened(dir, { memoryBytes }),
      settled: (store) => (store as DiskStore<string>).flush(),
    };
  });
});
