import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type Catalogue, findDocuments } from "./catalogue.js";

let root: string;

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "diskcache-catalogue-"));
});

afterEach(() => {
  rmSync(root, { recursive: true });
});

function write(path: string, text: string): void {
  const file = join(root, path);
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, text);
}

function install(
  id: string,
  manifest: { name: string; version: string; description?: string },
  readme = "README.md",
): void {
  const folder = `node_modules/.pnpm/${id}/node_modules/${manifest.name}`;
  write(`${folder}/package.json`, JSON.stringify(manifest));
  write(`${folder}/${readme}`, `# ${manifest.name}`);
}

function paths(catalogue: Catalogue): string[] {
  return catalogue.entries.map((entry) => entry.path);
}

describe("the catalogue", () => {
  it("lists the project's own documents before the packages, and both by name", () => {
    write("README.md", "# Project");
    write("CHANGELOG.md", "# Changes");
    write("docs/options.md", "# Options");
    write("packages/core/README.md", "# Core");
    install("b@2.0.0", { name: "b", version: "2.0.0" });
    install("@a+c@1.0.0", { name: "@a/c", version: "1.0.0" }, "readme.md");
    expect(paths(findDocuments(root))).toEqual([
      "/project/README",
      "/project/docs/options",
      "/project/packages/core/README",
      "/packages/@a/c@1.0.0",
      "/packages/b@2.0.0",
    ]);
  });

  it("lists a version once, however often its peers had it installed", () => {
    install("a@1.0.0_peer@1.0.0", { name: "a", version: "1.0.0" });
    install("a@1.0.0_peer@2.0.0", { name: "a", version: "1.0.0" });
    expect(paths(findDocuments(root))).toEqual(["/packages/a@1.0.0"]);
  });

  it("finds the newest of a package's versions", () => {
    for (const version of ["9.0.0", "10.0.0"]) install(`a@${version}`, { name: "a", version });
    install("ab@11.0.0", { name: "ab", version: "11.0.0" });
    expect(findDocuments(root).package("a")?.name).toBe("a@10.0.0");
  });

  it("does not follow links, nor read a manifest that says nothing", () => {
    write("secret/README.md", "# Secret");
    write("secret/package.json", JSON.stringify({ name: "secret", version: "1.0.0" }));
    write("node_modules/.pnpm/x@1.0.0/node_modules/x/README.md", "# X");
    write("node_modules/.pnpm/x@1.0.0/node_modules/x/package.json", "not JSON");
    symlinkSync(join(root, "secret"), join(root, "node_modules/.pnpm/x@1.0.0/node_modules/secret"));
    expect(paths(findDocuments(root))).toEqual([]);
  });

  it("is empty where there is nothing", () => {
    expect(paths(findDocuments(join(root, "nowhere")))).toEqual([]);
  });

  it.each([
    { given: "as listed", path: "/packages/@a/c@1.0.0", found: true },
    { given: "percent-encoded", path: "/packages/%40a%2Fc%401.0.0", found: true },
    { given: "of nothing", path: "/packages/nonesuch", found: false },
    { given: "that climbs", path: "/packages/../../etc/passwd", found: false },
    { given: "that climbs, encoded", path: "/packages/..%2F..%2Fetc%2Fpasswd", found: false },
    { given: "of a file that is no document", path: "/project/package.json", found: false },
    { given: "that is not well-formed", path: "/%E0%A4%A", found: false },
    { given: "of nothing at all", path: "", found: false },
  ])("finds a path $given: $found", ({ path, found }) => {
    install("@a+c@1.0.0", { name: "@a/c", version: "1.0.0" });
    expect(findDocuments(root).find(path) !== undefined).toBe(found);
  });

  it("knows the page that a relative link leads to", () => {
    write("README.md", "# Project");
    write("docs/some words.md", "# Words");
    write("packages/core/README.md", "# Core");
    const catalogue = findDocuments(root);
    const readme = catalogue.find("/project/README");
    expect(readme && catalogue.linked(readme, "./docs/some%20words.md")?.path).toBe("/project/docs/some words");
    expect(readme && catalogue.linked(readme, "packages/core/")?.path).toBe("/project/packages/core/README");
    expect(readme && catalogue.linked(readme, "../elsewhere.md")).toBeUndefined();
  });
});
