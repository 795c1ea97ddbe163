/** Which documents the site has. Asked once, at the start: a page's URL is looked up here, and never becomes part of a path on disk. */
import { type Dirent, readdirSync, readFileSync } from "node:fs";
import { basename, join, relative, resolve, sep } from "node:path";

export interface DocumentEntry {
  /** Where the site shows it: `/project/docs/concepts`, `/packages/koa@3.3.0`. */
  readonly path: string;
  readonly name: string;
  readonly kind: "project" | "package";
  /** One line for the index; empty when the document's owner gives none. */
  readonly description: string;
  readonly file: string;
}

export class Catalogue {
  readonly entries: readonly DocumentEntry[];
  readonly #byPath: ReadonlyMap<string, DocumentEntry>;
  readonly #byFile: ReadonlyMap<string, DocumentEntry>;

  constructor(entries: readonly DocumentEntry[]) {
    this.entries = entries;
    this.#byPath = new Map(entries.map((entry) => [entry.path, entry]));
    this.#byFile = new Map(entries.map((entry) => [entry.file, entry]));
  }

  /** The document of a URL path as it came over the wire; `undefined` when there is none, or the path is not well-formed. */
  find(urlPath: string): DocumentEntry | undefined {
    return this.#byPath.get(urlPath) ?? this.#byPath.get(decoded(urlPath) ?? "");
  }

  /** The site's page for what a relative link in `from` points to: a document, or a folder that has a README. */
  linked(from: DocumentEntry, link: string): DocumentEntry | undefined {
    const relativePath = decoded(link);
    if (relativePath === undefined) return undefined;
    const target = resolve(from.file, "..", relativePath);
    return this.#byFile.get(target) ?? this.#byFile.get(join(target, "README.md"));
  }

  /** The newest installed version's README of a package. */
  package(name: string): DocumentEntry | undefined {
    return this.entries.findLast((entry) => entry.kind === "package" && entry.name.startsWith(`${name}@`));
  }
}

/** The project's own documents first, then the README of every installed package, by name. */
export function findDocuments(root: string): Catalogue {
  return new Catalogue([...projectDocuments(root), ...packageReadmes(root)]);
}

function projectDocuments(root: string): DocumentEntry[] {
  const files = [
    ...markdownIn(root).filter((file) => basename(file) === "README.md"),
    ...markdownIn(join(root, "docs")),
    ...["packages", "examples"].flatMap((folder) =>
      subfolders(join(root, folder)).flatMap((path) =>
        markdownIn(path).filter((file) => basename(file) === "README.md"),
      ),
    ),
  ];
  return files.map((file) => {
    const name = relative(root, file).split(sep).join("/");
    return { path: `/project/${name.replace(/\.md$/, "")}`, name, kind: "project", description: "", file };
  });
}

// pnpm keeps every package once, under node_modules/.pnpm/<id>/node_modules/<name>; the links beside it are its dependencies, which have a folder of their own.
function packageReadmes(root: string): DocumentEntry[] {
  const found = new Map<string, DocumentEntry>();
  for (const home of subfolders(join(root, "node_modules", ".pnpm"))) {
    const installed = subfolders(join(home, "node_modules"));
    const scoped = installed.filter((folder) => basename(folder).startsWith("@")).flatMap(subfolders);
    for (const folder of [...installed, ...scoped]) {
      const entry = readmeOf(folder);
      // The same version appears several times when its peers differ.
      if (entry && !found.has(entry.path)) found.set(entry.path, entry);
    }
  }
  return [...found.values()].sort((a, b) => byName.compare(a.name, b.name));
}

const byName = new Intl.Collator("en", { numeric: true });

function readmeOf(folder: string): DocumentEntry | undefined {
  const file = markdownIn(folder).find((path) => basename(path).toLowerCase() === "readme.md");
  const manifest = file === undefined ? undefined : manifestOf(folder);
  if (file === undefined || manifest === undefined) return undefined;
  const name = `${manifest.name}@${manifest.version}`;
  return { path: `/packages/${name}`, name, kind: "package", description: manifest.description, file };
}

function manifestOf(folder: string): { name: string; version: string; description: string } | undefined {
  try {
    const manifest: unknown = JSON.parse(readFileSync(join(folder, "package.json"), "utf8"));
    if (typeof manifest !== "object" || manifest === null) return undefined;
    const { name, version, description } = manifest as Record<string, unknown>;
    if (typeof name !== "string" || typeof version !== "string") return undefined;
    return { name, version, description: typeof description === "string" ? description : "" };
  } catch {
    return undefined;
  }
}

// Links are not followed: what the site shows lies where it was installed.
function subfolders(folder: string): string[] {
  return children(folder)
    .filter((child) => child.isDirectory())
    .map((child) => join(folder, child.name));
}

function markdownIn(folder: string): string[] {
  return children(folder)
    .filter((child) => child.isFile() && child.name.toLowerCase().endsWith(".md"))
    .map((child) => join(folder, child.name));
}

// A folder that is not there has no documents: docs/ of a young project, or node_modules/.pnpm under another package manager.
function children(folder: string): Dirent[] {
  try {
    return readdirSync(folder, { withFileTypes: true }).sort((a, b) => (a.name < b.name ? -1 : 1));
  } catch {
    return [];
  }
}

function decoded(text: string): string | undefined {
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined;
  }
}
