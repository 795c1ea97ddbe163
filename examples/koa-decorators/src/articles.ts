import { text } from "node:stream/consumers";
import type { RouterContext } from "@koa/router";
import { cache } from "./cache.js";

export class Articles {
  readonly #titles = new Map([
    ["1", "Hello"],
    ["2", "World"],
  ]);
  #renders = 0;

  @cache.cached({ ttl: "1h", tags: ["articles"] })
  list(ctx: RouterContext): void {
    const items = Array.from(this.#titles, ([id, title]) => `<li><a href="/articles/${id}">${title}</a></li>`);
    ctx.body = this.#page(`<ul>${items.join("")}</ul>`);
  }

  // Beside the cache of this server, browsers may keep the page for a minute.
  @cache.cached({ ttl: "1h", tags: (ctx) => [`article:${ctx.params.id}`] })
  @cache.cacheControl({ public: true, maxAge: "1m" })
  show(ctx: RouterContext): void {
    const title = this.#titles.get(ctx.params["id"]!);
    if (title !== undefined) ctx.body = this.#page(`<h1>${title}</h1>`);
  }

  // Both pages are gone before the browser follows the redirect.
  @cache.purges((ctx) => ({ tags: [`article:${ctx.params.id}`, "articles"] }))
  async save(ctx: RouterContext): Promise<void> {
    const form = new URLSearchParams(await text(ctx.req));
    this.#titles.set(ctx.params["id"]!, form.get("title") ?? "");
    ctx.redirect(`/articles/${ctx.params["id"]}`);
    ctx.status = 303;
  }

  @cache.never()
  edit(ctx: RouterContext): void {
    const { id } = ctx.params;
    const title = this.#titles.get(id!) ?? "";
    ctx.body = this.#page(`<form method="post" action="/articles/${id}"><input name="title" value="${title}"></form>`);
  }

  #page(body: string): string {
    this.#renders++;
    return `${body}<p>page ${this.#renders} of this process</p>`;
  }
}
