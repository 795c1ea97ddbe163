import type { AddressInfo } from "node:net";
import Router from "@koa/router";
import Koa from "koa";
import { Articles } from "./articles.js";

const articles = new Articles();
const router = new Router();
router.get("/articles", (ctx) => articles.list(ctx));
router.get("/articles/:id", (ctx) => articles.show(ctx));
router.get("/articles/:id/edit", (ctx) => articles.edit(ctx));
router.post("/articles/:id", (ctx) => articles.save(ctx));

const app = new Koa();
app.use(router.routes());

const server = app.listen(Number(process.env["PORT"] ?? 3000), () => {
  console.log(`http://localhost:${(server.address() as AddressInfo).port}/articles`);
});
