import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { writeSite } from "./static-site.js";

let root: string;

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "diskcache-static-site-"));
  write("README.md", "# Project\n\nSee [the words](docs/words.md#two-words).\n");
  write(
    "docs/README.md",
    "# All\n\n## Guide\n\n- [Start](../README.md): first\n- Words: [these](words.md#two-words)\n",
  );
  write(
    "docs/words.md",
    "# Words\n\nNone <b>yet</b>.\n\n## Two words\n\n`a < b` & [up](../README.md), [source](../src/a.ts)\n",
  );
  write("src/a.ts", "");
});

afterEach(() => {
  rmSync(root, { recursive: true });
});

function write(path: string, text: string): void {
  mkdirSync(dirname(join(root, path)), { recursive: true });
  writeFileSync(join(root, path), text);
}

function written(path: string): string {
  return readFileSync(join(root, "site", path), "utf8");
}

describe("the site as files", () => {
  it("has a page for each document, whose links lead from file to file", async () => {
    await expect(writeSite(root, join(root, "site"))).resolves.toMatchObject({ pages: 3 });
    expect(written("index.html")).toContain('<a href="docs/words.html#two-words">the words</a>');
    expect(written("docs/words.html")).toContain('<a href="../index.html">up</a>');
    for (const [page, top] of [
      ["index.html", "."],
      ["docs/words.html", ".."],
    ] as const) {
      for (const file of ["style.css", "static.css", "search.js", "search-index.js", "icon.svg"]) {
        expect(written(page)).toContain(`"${top}/${file}"`);
        expect(existsSync(join(root, "site", dirname(page), top, file))).toBe(true);
      }
    }
  });

  it("keeps the text of a link to what is no document", async () => {
    await writeSite(root, join(root, "site"));
    expect(written("docs/words.html")).toContain("<a>source</a>");
  });

  it("has the lists of the page of all pages beside each page, and says which one it is", async () => {
    await writeSite(root, join(root, "site"));
    expect(written("index.html")).toContain('<a href="./index.html" aria-current="page">Start</a>');
    expect(written("docs/words.html")).toContain('<a href="../docs/words.html#two-words">Words</a>');
  });

  it("lets the search find each section by what a reader sees", async () => {
    const { sections } = await writeSite(root, join(root, "site"));
    const index = JSON.parse(written("search-index.js").replace(/^window\.searchIndex = |;\n$/g, "")) as object[];
    expect(index).toHaveLength(sections);
    expect(index).toContainEqual({ page: "Words", file: "docs/words.html", heading: "", text: "None yet." });
    const text = "a < b & up, source";
    expect(index).toContainEqual({ page: "Words", file: "docs/words.html#two-words", heading: "Two words", text });
  });

  it.each([
    { given: "a document that is not there", link: "gone.md", told: "docs/more.md: no gone.md" },
    {
      given: "a section that is not there",
      link: "words.md#three",
      told: "docs/more.md: no section for words.html#three",
    },
    { given: "a section of its own that is not there", link: "#three", told: "docs/more.md: no section for #" },
  ])("refuses a link to $given", async ({ link, told }) => {
    write("docs/more.md", `# More\n\n[link](${link})\n`);
    await expect(writeSite(root, join(root, "site"))).rejects.toThrow(told);
  });
});
