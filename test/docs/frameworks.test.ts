/** The snippets of docs/frameworks.md are parts of the applications that `npm run test:frameworks` runs. */
import { readFileSync, readdirSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";

const root = fileURLToPath(new URL("../..", import.meta.url));
const page = readFileSync(`${root}/docs/frameworks.md`, "utf8");
const SNIPPET = /<!-- (?<file>examples\/\S+) -->\n```\w+ no-check\n(?<code>[^]*?)\n```\n/g;
const snippets = [...page.matchAll(SNIPPET)].map(({ groups }) => ({ file: groups!["file"]!, code: groups!["code"]! }));

describe("docs/frameworks.md", () => {
  it.each(snippets)("shows what is in $file", ({ file, code }) => {
    const source = readFileSync(`${root}/${file}`, "utf8");
    for (const part of code.split("\n// …\n")) expect(source).toContain(`${part}\n`);
  });

  it("has no snippet of anything else", () => {
    expect(page.split("```").length - 1).toBe(2 * snippets.length);
  });

  it("names every framework that has an example", () => {
    // One snippet stands for two versions.
    const shown = new Set(snippets.map(({ file }) => file.split("/")[2]!.replace(/-\d+$/, "")));
    const examples = readdirSync(`${root}/examples/frameworks`, { withFileTypes: true })
      .filter((entry) => entry.isDirectory())
      .map((entry) => entry.name.replace(/-\d+$/, ""));
    expect([...shown].sort()).toEqual([...new Set(examples)].sort());
  });
});
