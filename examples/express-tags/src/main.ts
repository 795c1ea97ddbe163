import type { AddressInfo } from "node:net";
import { diskCache } from "@diskcache/express";
import express from "express";
import { allArticles, articleById, saveArticle } from "./articles.js";

const app = express();
const cache = diskCache({ dir: ".cache/pages", ttl: "1h" });
app.use(cache);

app.get("/", async (req, res) => {
  const articles = await allArticles();
  // The list shows every title, so it goes with every article.
  req.diskCache.tag(...articles.map(({ id }) => `article:${id}`));
  res.send(page("Blog", articles.map(({ id, title }) => `<a href="/articles/${id}">${title}</a>`).join(" ")));
});

app.get("/articles/:id", async (req, res) => {
  const article = await articleById(Number(req.params.id));
  if (article === undefined) return void res.status(404).send(page("Not found", ""));
  req.diskCache.tag(`article:${article.id}`);
  res.send(page(article.title, article.text));
});

app.put("/articles/:id", express.json(), async (req, res) => {
  const id = Number(req.params["id"]);
  const { title, text } = req.body as { readonly title: string; readonly text: string };
  await saveArticle({ id, title, text });
  await cache.purgeTag(`article:${id}`); // when this resolves, no worker shows the old text any more
  res.sendStatus(204);
});

function page(title: string, body: string): string {
  return `<h1>${title}</h1><p>${body}</p><small>rendered ${new Date().toISOString()}</small>`;
}

const server = app.listen(Number(process.env["PORT"] ?? 3000), () => {
  console.log(`http://localhost:${(server.address() as AddressInfo).port}`);
});
