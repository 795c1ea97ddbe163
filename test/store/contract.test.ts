import { describe } from "vitest";
import type { DiskStore } from "../../packages/core/src/store/disk-store.js";
import { temporaryDirectory } from "../support/temporary-directory.js";
import { opened } from "./opened.js";
import { storeContract } from "./store-contract.js";

describe.each([
  { given: "without memory", options: { memoryBytes: 0 } },
  { given: "with memory", options: { memoryBytes: 2 ** 20 } },
  { given: "with a secret", options: { secrets: [Buffer.alloc(32, "a")] } },
  { given: "with encryption", options: { secrets: [Buffer.alloc(32, "a")], encrypt: true } },
])("DiskStore $given", ({ options }) => {
  storeContract(() => {
    const dir = temporaryDirectory();
    return {
      open: () => opened(dir, options),
      settled: (store) => (store as DiskStore<string>).flush(),
    };
  });
});
