/** What the site's pages look like: values in, HTML out. */
import type { DocumentEntry } from "./catalogue.js";
import { type Html, html, trusted } from "./html.js";
import type { RenderedDocument } from "./render.js";

export interface Listed {
  readonly entry: DocumentEntry;
  readonly words: number;
  /** Around the first place where the search was found; `undefined` without a search, or when only the name has it. */
  readonly excerpt: Excerpt | undefined;
}

export interface Excerpt {
  readonly before: string;
  readonly match: string;
  readonly after: string;
}

/** When a page was rendered and how long that took, shown in its footer: a page from the cache still tells of the one time. */
export interface Rendering {
  readonly at: Date;
  readonly ms: number;
}

export function indexPage(query: string, listed: readonly Listed[], total: number, rendering: Rendering): string {
  const project = listed.filter(({ entry }) => entry.kind === "project");
  const packages = listed.filter(({ entry }) => entry.kind === "package");
  const heading =
    query === ""
      ? html`<h1>Documentation</h1>
          <p class="lead">
            ${total} documents: this project’s own, and the README of every package installed for it. Each page is
            rendered from Markdown and its code highlighted whenever the cache does not have it.
          </p>`
      : html`<h1>“${query}”</h1>
          <p class="lead" role="status">${found(listed.length, total)} <a href="/">Show all</a></p>`;
  return page({
    title: query === "" ? "Documentation" : `${query} · search`,
    query,
    rendering,
    main: html`${heading} ${group("This project", project)} ${group("Installed packages", packages)}`,
  });
}

export function documentPage(entry: DocumentEntry, document: RenderedDocument, rendering: Rendering): string {
  const title = document.title ?? entry.name;
  return page({
    title,
    query: "",
    rendering,
    main: html`<p class="trail"><a href="/">Documentation</a> <span aria-hidden="true">/</span> ${entry.name}</p>
      <div class="columns">
        ${contentsOf(document)}
        <article>
          ${document.title === undefined ? html`<h1>${entry.name}</h1>` : html``} ${trusted(document.markup)}
        </article>
      </div>`,
  });
}

/** The sections of a document, where there are some. */
export function contentsOf({ sections }: RenderedDocument): Html {
  if (sections.length < 3) return html``;
  return html`<nav class="contents" aria-labelledby="contents-title">
    <h2 id="contents-title">On this page</h2>
    <ul>
      ${sections.map(({ id, text }) => html`<li><a href="#${id}">${text}</a></li>`)}
    </ul>
  </nav>`;
}

export function notFoundPage(): string {
  return page({
    title: "Not found",
    query: "",
    rendering: undefined,
    main: html`<h1>Not found</h1>
      <p class="lead">There is no such page here. The <a href="/">list of documents</a> has them all.</p>`,
  });
}

function page({
  title,
  query,
  rendering,
  main,
}: {
  title: string;
  query: string;
  rendering: Rendering | undefined;
  main: Html;
}): string {
  return html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta name="color-scheme" content="light dark" />
        <title>${title} · diskcache example</title>
        <link rel="icon" href="/icon.svg" type="image/svg+xml" />
        <link rel="stylesheet" href="/style.css" />
      </head>
      <body>
        <a class="skip" href="#main">Skip to the text</a>
        <header>
          <a class="brand" href="/">diskcache <span>example</span></a>
          <form role="search" action="/">
            <label for="search">Search</label>
            <input
              id="search"
              type="search"
              name="q"
              value="${query}"
              maxlength="100"
              placeholder="Search all documents"
            />
            <button>Search</button>
          </form>
        </header>
        <main id="main" tabindex="-1">${main}</main>
        ${rendering ? footer(rendering) : html``}
      </body>
    </html> `.markup;
}

function footer({ at, ms }: Rendering): Html {
  const iso = at.toISOString();
  return html`<footer>
    <p>
      Rendered at <time datetime="${iso}">${iso.slice(11, 19)} UTC</time> in ${ms.toFixed(ms < 10 ? 1 : 0)} ms. As long
      as reloading leaves that time as it is, the page comes from the cache.
    </p>
  </footer>`;
}

function group(title: string, listed: readonly Listed[]): Html {
  if (listed.length === 0) return html``;
  return html`<section>
    <h2>${title} <small>${listed.length}</small></h2>
    <ul class="list">
      ${listed.map(item)}
    </ul>
  </section>`;
}

function item({ entry, words, excerpt }: Listed): Html {
  const text = excerpt
    ? html`…${excerpt.before}<mark>${excerpt.match}</mark>${excerpt.after}…`
    : html`${entry.description}`;
  return html`<li>
    <a href="${entry.path}">${entry.name}</a>
    <span class="length">${minutes(words)} min</span>${text.markup === "" ? text : html`<p>${text}</p>`}
  </li>`;
}

// 200 words a minute: a slow reader of a technical text.
function minutes(words: number): number {
  return Math.max(1, Math.round(words / 200));
}

function found(count: number, total: number): string {
  return count === 0
    ? `None of ${total} documents mentions it.`
    : `${count} of ${total} documents ${count === 1 ? "mentions" : "mention"} it.`;
}
