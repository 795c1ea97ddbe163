import { describe, expect, it } from "vitest";
import { codeBlocks } from "./code-blocks.js";

describe("the code blocks of a document", () => {
  it("keep their line numbers", () => {
    const [block] = codeBlocks("a.md", "# Title\n\n```ts\nconst a = 1;\n```\n");
    expect(block).toMatchObject({ document: "a.md", line: 3, language: "ts", code: "\n\n\nconst a = 1;", runs: false });
  });

  it("are one file with the blocks that continue them", () => {
    const blocks = codeBlocks(
      "a.md",
      "```ts\nconst a = 1;\n```\ntext\n```ts continued run\na + 1;\n```\n```js\nb;\n```",
    );
    expect(blocks.map(({ code, runs }) => ({ code, runs }))).toEqual([
      { code: "\nconst a = 1;\n\n\n\na + 1;", runs: true },
      { code: "\n\n\n\n\n\n\n\nb;", runs: false },
    ]);
  });

  it("are found in comments and in lists, not in longer fences or other languages", () => {
    const markdown =
      "<!--\n```ts\na;\n```\n-->\n- item\n  ```js\n  b;\n  ```\n````md\n```ts\nc;\n```\n````\n```sh\nd\n```\n";
    expect(codeBlocks("a.md", markdown).map(({ code }) => code.trim())).toEqual(["a;", "b;"]);
  });

  it("may be left unchecked when they are wrong on purpose", () => {
    expect(codeBlocks("a.md", "```ts no-check\n§\n```")).toEqual([]);
  });

  it.each([
    { problem: "an end that is missing", markdown: "```ts\na;\n" },
    { problem: "a mark nobody knows", markdown: "```ts nocheck\na;\n```" },
    { problem: "a continuation of nothing", markdown: "```ts continued\na;\n```" },
  ])("are refused with $problem", ({ markdown }) => {
    expect(() => codeBlocks("a.md", markdown)).toThrow(/^a\.md:1: /);
  });
});
