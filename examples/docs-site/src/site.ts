/** The documentation site, whatever the framework: asks for a page get HTML back. Nothing here caches, so that every call costs what it costs. */
import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { type Catalogue, type DocumentEntry, findDocuments } from "./catalogue.js";
import { documentPage, type Excerpt, indexPage, type Listed, notFoundPage } from "./pages.js";
import { openRenderer, type Renderer } from "./render.js";

// One level below the package, in src/ as in dist/.
const STYLESHEET = new URL("../style.css", import.meta.url);
const ICON = new URL("../icon.svg", import.meta.url);
export const REPOSITORY_ROOT = fileURLToPath(new URL("../../../", import.meta.url));

const EXCERPT_CHARACTERS = 70;
const LONGEST_QUERY = 100;

/** What every response carries: the site has no script, no inline style and nothing of other sites, and says so. */
export const SECURITY_HEADERS: Readonly<Record<string, string>> = {
  "Content-Security-Policy":
    "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
  "Referrer-Policy": "no-referrer",
  "X-Content-Type-Options": "nosniff",
};

export class Site {
  readonly catalogue: Catalogue;
  readonly #render: Renderer;

  constructor(catalogue: Catalogue, render: Renderer) {
    this.catalogue = catalogue;
    this.#render = render;
  }

  /** The list of documents, or of those that contain `query`: a walk through all their text. */
  async index(query: string): Promise<string> {
    const started = performance.now();
    const wanted = query.trim().slice(0, LONGEST_QUERY);
    const all = await Promise.all(this.catalogue.entries.map((entry) => listed(entry, wanted)));
    const matching = all.filter((item) => item !== undefined);
    return indexPage(wanted, matching, all.length, { at: new Date(), ms: performance.now() - started });
  }

  /** A document's page by its URL path; `undefined` when there is no such document. */
  async document(urlPath: string): Promise<string | undefined> {
    const started = performance.now();
    const entry = this.catalogue.find(urlPath);
    if (!entry) return undefined;
    const markdown = await textOf(entry);
    if (markdown === undefined) return undefined;
    const document = this.#render(markdown, (href) => this.#pageOf(entry, href));
    return documentPage(entry, document, { at: new Date(), ms: performance.now() - started });
  }

  notFound(): string {
    return notFoundPage();
  }

  stylesheet(): Promise<string> {
    return readFile(STYLESHEET, "utf8");
  }

  icon(): Promise<string> {
    return readFile(ICON, "utf8");
  }

  #pageOf(from: DocumentEntry, href: string): string | undefined {
    const [file = "", fragment] = href.split("#", 2);
    const entry = this.catalogue.linked(from, file);
    return entry && (fragment === undefined ? entry.path : `${entry.path}#${fragment}`);
  }
}

/** Looks for the documents and loads the grammars; `root` is where README.md, docs/ and node_modules/ are. */
export async function openSite(root: string = REPOSITORY_ROOT): Promise<Site> {
  return new Site(findDocuments(root), await openRenderer());
}

async function listed(entry: DocumentEntry, query: string): Promise<Listed | undefined> {
  const text = await textOf(entry);
  if (text === undefined) return undefined;
  const item = { entry, words: text.match(/\S+/g)?.length ?? 0 };
  if (query === "") return { ...item, excerpt: undefined };
  const excerpt = excerptOf(prose(text), query);
  const named = `${entry.name} ${entry.description}`.toLowerCase().includes(query.toLowerCase());
  return excerpt || named ? { ...item, excerpt } : undefined;
}

// Without marks, tags and addresses: a search is for what a reader sees, and a badge's URL is not that.
function prose(markdown: string): string {
  return markdown
    .replace(/<\/?[a-z][^>]*>|\]\([^)]*\)|^\[[^\]]*\]:.*$|https?:\S+|[#*`|[\]]|\s+/gim, " ")
    .replace(/ {2,}/g, " ");
}

function excerptOf(text: string, query: string): Excerpt | undefined {
  const at = text.toLowerCase().indexOf(query.toLowerCase());
  if (at < 0) return undefined;
  const end = at + query.length;
  return {
    before: text.slice(Math.max(0, at - EXCERPT_CHARACTERS), at),
    match: text.slice(at, end),
    after: text.slice(end, end + EXCERPT_CHARACTERS),
  };
}

// A package can be uninstalled while the site runs: its document is then no longer there, which is no failure.
async function textOf(entry: DocumentEntry): Promise<string | undefined> {
  try {
    return await readFile(entry.file, "utf8");
  } catch {
    return undefined;
  }
}
