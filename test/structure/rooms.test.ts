import { describe, expect, it } from "vitest";
import { circles, forbiddenImports } from "../../scripts/check-rooms.mjs";

describe("the rooms", () => {
  it.each([
    {
      import: "a value of a room before it",
      file: "forward/capture/capture.ts",
      code: 'import { varyFields } from "../../http/vary.js";',
    },
    {
      import: "a type it is granted",
      file: "forward/capture/capture.ts",
      code: 'import type { Store } from "../../store/contract.js";',
    },
    {
      import: "a type beside a type",
      file: "forward/capture/capture.ts",
      code: 'import { type Store } from "../../store/contract.js";',
    },
    {
      import: "from a wing what the wings rest on",
      file: "store/log/log-record.ts",
      code: 'import { b } from "../paths.js";',
    },
    { import: "its own files", file: "http/vary.ts", code: 'export { fieldLines } from "./fields.js";' },
    {
      import: "what every room rests on",
      file: "store/entries/format.ts",
      code: 'import { corruptEntryError } from "../../base/errors.js";',
    },
  ])("may import $import", ({ file, code }) => {
    expect(problems(`packages/core/src/${file}`, code)).toEqual([]);
  });

  it.each([
    {
      import: "a value where a type is granted",
      file: "forward/capture/capture.ts",
      code: 'import { open } from "../../store/files.js";',
    },
    {
      import: "a value beside a type",
      file: "forward/capture/capture.ts",
      code: 'import { type A, b } from "../../store/files.js";',
    },
    { import: "against the flow", file: "http/vary.ts", code: 'import type { PageKey } from "../key/page-key.js";' },
    {
      import: "by way of import()",
      file: "store/memory-tier.ts",
      code: 'const http = await import("../http/vary.js");',
    },
    { import: "by passing it on", file: "stored/respond.ts", code: 'export * from "../forward/forward.js";' },
    {
      import: "what ties them together",
      file: "forward/forward.ts",
      code: 'import type { A } from "../page-cache/page-cache.js";',
    },
    {
      import: "what it is not handed",
      file: "features/audit/auditor.ts",
      code: 'import type { CacheContext } from "../../page-cache/context.js";',
    },
    {
      import: "a feature from another",
      file: "features/coding/encode.ts",
      code: 'import { fill } from "../holes/fill.js";',
    },
    {
      import: "a wing of the store from one beside it",
      file: "store/log/log-record.ts",
      code: 'import { b } from "../entries/format.js";',
    },
    {
      import: "a wing of the store from outside",
      file: "lookup/select.ts",
      code: 'import type { A } from "../store/entries/format.js";',
    },
    { import: "I/O into a pure one", file: "http/vary.ts", code: 'import { readFileSync } from "node:fs";' },
    { import: "from a room nobody described", file: "utils/x.ts", code: 'import { a } from "../base/errors.js";' },
  ])("may not import $import", ({ file, code }) => {
    expect(problems(`packages/core/src/${file}`, `// first line\n${code}`)).toEqual([
      expect.stringMatching(`^packages/core/src/${file}:2: `),
    ]);
  });
});

describe("files", () => {
  it.each([
    { in: "a circle", last: 'import type { A } from "./a.js";', found: 1 },
    { in: "a line", last: 'import type { E } from "./e.js";', found: 0 },
  ])("that import each other in $in: $found problems", ({ last, found }) => {
    const code: Record<string, string> = {
      "packages/core/src/http/a.ts": 'import { b } from "./b.js";',
      "packages/core/src/http/b.ts": 'export * from "./c.js";\nimport { A } from "./elsewhere.js";',
      "packages/core/src/http/c.ts": last,
    };
    const problems = circles(Object.keys(code), (file: string) => code[file]);
    expect(problems).toHaveLength(found);
    if (found > 0) expect(problems[0]).toMatch(/http\/a\.ts → .*b\.ts → .*c\.ts → .*a\.ts$/);
  });
});

describe("the packages", () => {
  it.each([
    {
      import: "core by its name",
      file: "express/src/index.ts",
      code: 'import { PageCache } from "@diskcache/core";',
      count: 0,
    },
    {
      import: "core's files",
      file: "express/src/index.ts",
      code: 'import "@diskcache/core/src/base/errors.js";',
      count: 1,
    },
    {
      import: "core's folder",
      file: "express/src/index.ts",
      code: 'import "../../core/src/base/errors.js";',
      count: 1,
    },
    { import: "against the flow", file: "http/src/index.ts", code: 'import "@diskcache/express";', count: 1 },
  ])("import $import: $count problems", ({ file, code, count }) => {
    expect(problems(`packages/${file}`, code)).toHaveLength(count);
  });
});

function problems(file: string, code: string): string[] {
  return forbiddenImports([file], () => code);
}
