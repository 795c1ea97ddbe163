/** A documentation site in Koa: every page is rendered on request, and kept on disk by the one line that adds the cache. */
import { createServer } from "node:http";
import { openSite, readOptions, run, SECURITY_HEADERS } from "@diskcache/example-docs-site";
import { diskCache } from "@diskcache/koa";
import Router from "@koa/router";
import Koa from "koa";

const options = readOptions({ port: 3778, dir: ".cache/koa-docs" });
const site = await openSite();
const cache = diskCache({ dir: options.dir, ttl: "1h" });

const app = new Koa();

app.use(cache);

app.use(async (ctx, next) => {
  ctx.set(SECURITY_HEADERS);
  await next();
});

const router = new Router();

router.get("/", async (ctx) => {
  const query = ctx.query["q"];
  ctx.type = "html";
  ctx.body = await site.index(typeof query === "string" ? query : "");
});

router.get("/style.css", async (ctx) => {
  ctx.type = "css";
  ctx.body = await site.stylesheet();
});

router.get("/icon.svg", async (ctx) => {
  ctx.type = "svg";
  ctx.body = await site.icon();
});

app.use(router.routes());

app.use(async (ctx) => {
  const page = ctx.method === "GET" || ctx.method === "HEAD" ? await site.document(ctx.path) : undefined;
  ctx.status = page === undefined ? 404 : 200;
  ctx.type = "html";
  ctx.body = page ?? site.notFound();
});

const handle = app.callback();
const server = createServer((req, res) => void handle(req, res));
process.exitCode = await run({ framework: "Koa", server, cache, site, options });
