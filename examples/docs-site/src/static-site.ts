/** The documentation of a project as files: the pages of the site without a server behind it. What a server would do per
 * request is done once, and the search is a script over an index. Refuses links that lead nowhere. */
import { existsSync } from "node:fs";
import { mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { dirname, join, posix, resolve } from "node:path";
import { Catalogue, type DocumentEntry, findDocuments } from "./catalogue.js";
import { type Html, html, trusted } from "./html.js";
import { contentsOf } from "./pages.js";
import { openRenderer, type Renderer, type RenderedDocument } from "./render.js";

/** One level below the package, in src/ as in dist/. */
const ASSETS = new URL("../", import.meta.url);
const COPIED = ["style.css", "static.css", "search.js", "icon.svg"];
/** The page whose lists are the navigation. */
const SHELVES = "docs/README.md";
const BESIDE_THE_README = ["CONTRIBUTING.md", "SECURITY.md"];

interface Page {
  readonly entry: DocumentEntry;
  /** Its file, from the root of the site. */
  readonly file: string;
  readonly document: RenderedDocument;
  readonly ids: ReadonlySet<string>;
}

interface Shelf {
  readonly title: string;
  readonly links: readonly { readonly label: string; readonly file: string }[];
}

/** A part of a page that the search can find. */
interface Section {
  readonly page: string;
  readonly file: string;
  readonly heading: string;
  readonly text: string;
}

/** Writes the site of the documents below `root` into a folder, which is emptied before.
 * @returns how many pages it has, and how many sections the search finds
 * @throws {Error} naming each link that leads nowhere */
export async function writeSite(root: string, folder: string): Promise<{ pages: number; sections: number }> {
  const pages = await renderAll(root);
  const shelves = shelvesOf(pages);
  await rm(folder, { recursive: true, force: true });
  for (const page of pages) await write(folder, page.file, pageOf(page, shelves));
  const sections = pages.flatMap(sectionsOf);
  await write(folder, "search-index.js", `window.searchIndex = ${JSON.stringify(sections)};\n`);
  for (const name of COPIED) await write(folder, name, await readFile(new URL(name, ASSETS), "utf8"));
  return { pages: pages.length, sections: sections.length };
}

async function renderAll(root: string): Promise<Page[]> {
  const catalogue = documentsOf(root);
  const render = await openRenderer();
  const wrong: string[] = [];
  const pages = await Promise.all(catalogue.entries.map((entry) => renderPage(catalogue, entry, render, wrong)));
  const byFile = new Map(pages.map((page) => [page.file, page]));
  for (const { entry, file, document } of pages) {
    for (const [, href = ""] of document.markup.matchAll(/<a [^>]*?href="([^"]*)"/g)) {
      if (/^[a-z]+:/i.test(href)) continue;
      const [path = "", fragment] = href.split("#", 2);
      const target = byFile.get(path === "" ? file : posix.join(posix.dirname(file), path));
      if (fragment !== undefined && target?.ids.has(decodeURIComponent(fragment)) !== true)
        wrong.push(`${entry.name}: no section for ${href}`);
    }
  }
  if (wrong.length > 0) throw new Error(`links that lead nowhere:\n${wrong.join("\n")}`);
  return pages;
}

function documentsOf(root: string): Catalogue {
  const beside = BESIDE_THE_README.filter((name) => existsSync(join(root, name))).map((name): DocumentEntry => ({
    path: `/project/${name}`,
    name,
    kind: "project",
    description: "",
    file: join(root, name),
  }));
  const { entries } = findDocuments(root);
  return new Catalogue([...entries.filter(({ kind }) => kind === "project"), ...beside]);
}

async function renderPage(
  catalogue: Catalogue,
  entry: DocumentEntry,
  render: Renderer,
  wrong: string[],
): Promise<Page> {
  const file = fileOf(entry);
  const document = render(await readFile(entry.file, "utf8"), (href) => {
    const [path = "", fragment] = href.split("#", 2);
    const target = catalogue.linked(entry, path);
    if (target === undefined) {
      // What is there and no document, such as a source, has no page: its text stays.
      if (!existsSync(resolve(dirname(entry.file), decodeURIComponent(path)))) wrong.push(`${entry.name}: no ${href}`);
      return undefined;
    }
    const to = posix.relative(posix.dirname(file), fileOf(target));
    return fragment === undefined ? to : `${to}#${fragment}`;
  });
  const ids = new Set([...document.markup.matchAll(/ id="([^"]+)"/g)].map(([, id = ""]) => id));
  return { entry, file, document, ids };
}

function fileOf({ name }: DocumentEntry): string {
  return name.replace(/README\.md$/, "index.html").replace(/\.md$/, ".html");
}

// Each list of the page that names all others, under its heading; of each line the first link.
function shelvesOf(pages: readonly Page[]): Shelf[] {
  const page = pages.find(({ entry }) => entry.name === SHELVES);
  if (page === undefined) return [];
  return page.document.markup
    .split(/(?=<h2 )/)
    .slice(1)
    .map((part) => ({
      title: plain(/<h2[^>]*>(.*?)<\/h2>/s.exec(part)?.[1] ?? ""),
      links: [...part.matchAll(/<li>(.*?)<\/li>/gs)].flatMap(([, line = ""]) => {
        const [, href, text] = /<a href="([^"]+)"[^>]*>(.*?)<\/a>/s.exec(line) ?? [];
        const label = plain(line.startsWith("<a ") ? (text ?? "") : line.slice(0, line.search(/[:<]/)));
        return href === undefined ? [] : [{ label, file: posix.join(posix.dirname(page.file), href) }];
      }),
    }));
}

function pageOf({ entry, file, document }: Page, shelves: readonly Shelf[]): string {
  const top = posix.relative(posix.dirname(file), "") || ".";
  const title = document.title ?? entry.name;
  return html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta name="color-scheme" content="light dark" />
        <title>${title === "diskcache" ? title : `${title} · diskcache`}</title>
        <link rel="icon" href="${top}/icon.svg" type="image/svg+xml" />
        <link rel="stylesheet" href="${top}/style.css" />
        <link rel="stylesheet" href="${top}/static.css" />
        <script defer src="${top}/search-index.js"></script>
        <script defer src="${top}/search.js"></script>
      </head>
      <body data-root="${top}">
        <a class="skip" href="#main">Skip to the text</a>
        <header>
          <a class="brand" href="${top}/index.html">diskcache</a>
          <a class="all" href="#pages">All pages</a>
          <form role="search">
            <label for="search">Search</label>
            <input id="search" type="search" placeholder="Search the documentation" autocomplete="off" />
          </form>
        </header>
        <div class="house">
          <nav class="shelves" id="pages" aria-label="All pages">
            ${shelves.map((shelf) => shelfOf(shelf, file, top))}
          </nav>
          <main id="main" tabindex="-1">
            <section id="results" aria-live="polite" hidden></section>
            <div class="columns">
              ${contentsOf(document)}
              <article>${trusted(document.markup)}</article>
            </div>
          </main>
        </div>
      </body>
    </html> `.markup;
}

function shelfOf({ title, links }: Shelf, current: string, top: string): Html {
  const isHere = (file: string): boolean => file.split("#", 1)[0] === current && !file.includes("#");
  return html`<h2>${title}</h2>
    <ul>
      ${links.map(({ label, file }) =>
        isHere(file)
          ? html`<li><a href="${top}/${file}" aria-current="page">${label}</a></li>`
          : html`<li><a href="${top}/${file}">${label}</a></li>`,
      )}
    </ul>`;
}

function sectionsOf({ entry, file, document }: Page): Section[] {
  const page = document.title ?? entry.name;
  return document.markup.split(/(?=<h[23] )/).map((part) => {
    const [, id, heading] = /^<h[23] id="([^"]+)"[^>]*>(.*?)<\/h[23]>/s.exec(part) ?? [];
    const text = plain(part.replace(/^<h[1-6][^>]*>.*?<\/h[1-6]>/s, ""));
    return { page, file: id === undefined ? file : `${file}#${id}`, heading: plain(heading ?? ""), text };
  });
}

const ENTITIES: Readonly<Record<string, string>> = { lt: "<", gt: ">", amp: "&", quot: '"' };

function plain(markup: string): string {
  const text = markup.replace(/<\/(?:p|li|tr|td|th|pre|h\d)>/g, " ").replace(/<[^>]+>/g, "");
  const known = text.replace(/&(?:#(x?)([0-9a-f]+)|([a-z]+));/gi, (all, hex: string, code: string, name: string) =>
    name === undefined ? String.fromCodePoint(Number.parseInt(code, hex === "" ? 10 : 16)) : (ENTITIES[name] ?? all),
  );
  return known.replace(/\s+/g, " ").trim();
}

async function write(folder: string, file: string, text: string): Promise<void> {
  const path = join(folder, file);
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, text);
}
