import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { openSite, type Site } from "./site.js";

let root: string;
let site: Site;

beforeAll(async () => {
  root = mkdtempSync(join(tmpdir(), "diskcache-site-"));
  mkdirSync(join(root, "docs"));
  writeFileSync(join(root, "README.md"), "# Project <b>\n\nSee [gone](docs/gone.md#why). Needles & pins.\n");
  writeFileSync(join(root, "docs/gone.md"), "text without a title\n");
  writeFileSync(join(root, "docs/removed.md"), "# Soon removed\n");
  site = await openSite(root);
});

afterAll(() => {
  rmSync(root, { recursive: true });
});

describe("the site", () => {
  it("lists every document", async () => {
    const page = await site.index("");
    expect(page).toContain('<a href="/project/README">README.md</a>');
    expect(page).toContain('<a href="/project/docs/gone">docs/gone.md</a>');
  });

  it("finds what a document says, whatever the case, and shows where", async () => {
    const page = await site.index("  needles & ");
    expect(page).toContain("<mark>Needles &#38;</mark>");
    expect(page).toContain("1 of 3 documents mentions it.");
    expect(page).not.toContain("docs/gone.md</a>");
  });

  it("shows a search as text, never as markup", async () => {
    const page = await site.index('"><script>');
    expect(page).not.toContain("<script>");
    expect(page).toContain("&#34;&#62;&#60;script&#62;");
    expect(page).toContain("None of 3 documents mentions it.");
  });

  it("titles a page by its first heading, or else by its name", async () => {
    expect(await site.document("/project/README")).toContain("<title>Project · diskcache example</title>");
    expect(await site.document("/project/docs/gone")).toContain("<h1>docs/gone.md</h1>");
  });

  it("links its documents to one another", async () => {
    expect(await site.document("/project/README")).toContain('<a href="/project/docs/gone#why">gone</a>');
  });

  it("has no page for a document that was removed since", async () => {
    rmSync(join(root, "docs/removed.md"), { force: true });
    expect(await site.document("/project/docs/removed")).toBeUndefined();
    expect(await site.index("")).not.toContain("docs/removed.md");
  });

  it("says when a page was rendered, so that one can see it come from the cache", async () => {
    expect(await site.document("/project/README")).toMatch(/Rendered at\s+<time datetime="\d{4}-[^"]+Z">/);
  });
});
