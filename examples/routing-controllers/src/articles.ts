import { Body, Controller, Get, NotFoundError, Param, Post, Redirect, UseBefore } from "routing-controllers";
import { cache } from "./cache.js";

@Controller("/articles")
export class Articles {
  readonly #titles = new Map([
    ["1", "Hello"],
    ["2", "World"],
  ]);
  #renders = 0;

  @Get()
  @UseBefore(cache.route({ ttl: "1h", tags: ["articles"] }))
  list(): string {
    const items = Array.from(this.#titles, ([id, title]) => `<li><a href="/articles/${id}">${title}</a></li>`);
    return this.#page(`<ul>${items.join("")}</ul>`);
  }

  // Beside the cache of this server, browsers may keep the page for a minute.
  @Get("/:id")
  @UseBefore(
    cache.route({ ttl: "1h", tags: (req) => [`article:${String(req.params["id"])}`] }),
    cache.cacheControl({ public: true, maxAge: "1m" }),
  )
  show(@Param("id") id: string): string {
    const title = this.#titles.get(id);
    if (title === undefined) throw new NotFoundError();
    return this.#page(`<h1>${title}</h1>`);
  }

  // Both pages are gone before the browser follows the redirect.
  @Post("/:id")
  @Redirect("/articles/:id")
  @UseBefore(cache.purges((req) => ({ tags: [`article:${String(req.params["id"])}`, "articles"] })))
  save(@Param("id") id: string, @Body() form: { title: string }): { id: string } {
    this.#titles.set(id, form.title);
    return { id };
  }

  @Get("/:id/edit")
  @UseBefore(cache.never())
  edit(@Param("id") id: string): string {
    const title = this.#titles.get(id) ?? "";
    return this.#page(`<form method="post" action="/articles/${id}"><input name="title" value="${title}"></form>`);
  }

  #page(body: string): string {
    this.#renders++;
    return `${body}<p>page ${this.#renders} of this process</p>`;
  }
}
