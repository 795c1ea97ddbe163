/** The words of the project: what its table of terms says is what the code calls things, and its prose has one
 * voice. */
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { PACKAGES } from "../../scripts/packages.mjs";

const ROOT = join(import.meta.dirname, "../..");
const AVOIDED = /\b(?:visitors?|whoever|nobody|somebody|anybody|anew|he|his|him)\b/gi;
/** Names of fields and of tests are quoted as they are. */
const QUOTED = /```.*?```|`[^`\n]*`|\bCF-Visitor\b/gs;

async function textOf(...path: string[]): Promise<string> {
  return readFile(join(ROOT, ...path), "utf8");
}

async function sources(): Promise<{ file: string; text: string }[]> {
  const found = [];
  for (const name of PACKAGES)
    for (const file of await readdir(join(ROOT, "packages", name, "src"), { recursive: true }))
      if (file.endsWith(".ts") && !file.includes(".test."))
        found.push({ file: `packages/${name}/src/${file}`, text: await textOf("packages", name, "src", file) });
  return found;
}

async function pages(): Promise<{ file: string; text: string }[]> {
  const docs = (await readdir(join(ROOT, "docs"))).filter((name) => name.endsWith(".md")).map((name) => `docs/${name}`);
  const readmes = PACKAGES.map((name) => `packages/${name}/README.md`);
  const files = ["README.md", "CONTRIBUTING.md", ...docs, ...readmes];
  return Promise.all(files.map(async (file) => ({ file, text: (await textOf(file)).replace(QUOTED, "") })));
}

/** Comments, with their line breaks, and messages. */
function proseOf(source: string): string {
  return (source.match(/\/\*.*?\*\/|\/\/[^\n]*|"[^"\n]* [^"\n]*"|`[^`]* [^`]*`/gs) ?? [])
    .join("\n")
    .replace(/`[^`\n]*`/g, "");
}

describe("the table of words", () => {
  it("names what the code calls it", async () => {
    const code = (await sources()).map(({ text }) => text).join("\n");
    const table = (await textOf("docs/development.md")).split("## Words")[1]!.split("\n## ")[0]!;
    const rows = table
      .split("\n")
      .filter((line) => line.startsWith("| "))
      .slice(2);
    const names = rows.flatMap((row) => [...row.split(" | ")[1]!.matchAll(/`(\w+)`/g)].map(([, name]) => name!));
    expect(rows.length).toBeGreaterThan(15);
    expect(names.length).toBeGreaterThan(rows.length);
    expect(names.filter((name) => !new RegExp(`\\b${name}\\b`).test(code))).toEqual([]);
  });
});

describe("a client is an it, and no word is used that the table replaces,", () => {
  it("in the documentation", async () => {
    const used = (await pages()).flatMap(({ file, text }) =>
      [...text.replace(/^Not used in what is shipped:.*$/m, "").matchAll(AVOIDED)].map(([word]) => `${file}: ${word}`),
    );
    expect(used).toEqual([]);
  });

  it("in comments and messages of the code", async () => {
    const used = (await sources()).flatMap(({ file, text }) =>
      [...proseOf(text).matchAll(AVOIDED)].map(([word]) => `${file}: ${word}`),
    );
    expect(used).toEqual([]);
  });
});
