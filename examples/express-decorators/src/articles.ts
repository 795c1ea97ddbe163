import type { Request, Response } from "express";
import { cache } from "./cache.js";

export class Articles {
  readonly #titles = new Map([
    ["1", "Hello"],
    ["2", "World"],
  ]);
  #renders = 0;

  @cache.cached({ ttl: "1h", tags: ["articles"] })
  list(_req: Request, res: Response): void {
    const items = Array.from(this.#titles, ([id, title]) => `<li><a href="/articles/${id}">${title}</a></li>`);
    res.send(this.#page(`<ul>${items.join("")}</ul>`));
  }

  // Beside the cache of this server, browsers may keep the page for a minute.
  @cache.cached({ ttl: "1h", tags: (req) => [`article:${String(req.params["id"])}`] })
  @cache.cacheControl({ public: true, maxAge: "1m" })
  show(req: Request<{ id: string }>, res: Response): void {
    const title = this.#titles.get(req.params.id);
    if (title === undefined) res.sendStatus(404);
    else res.send(this.#page(`<h1>${title}</h1>`));
  }

  // Both pages are gone before the browser follows the redirect.
  @cache.purges((req) => ({ tags: [`article:${String(req.params["id"])}`, "articles"] }))
  save(req: Request<{ id: string }, unknown, { title: string }>, res: Response): void {
    this.#titles.set(req.params.id, req.body.title);
    res.redirect(303, `/articles/${req.params.id}`);
  }

  @cache.never()
  edit(req: Request<{ id: string }>, res: Response): void {
    const title = this.#titles.get(req.params.id) ?? "";
    res.send(
      this.#page(
        `<form method="post" action="/articles/${req.params.id}"><input name="title" value="${title}"></form>`,
      ),
    );
  }

  #page(body: string): string {
    this.#renders++;
    return `${body}<p>page ${this.#renders} of this process</p>`;
  }
}
