import { Readable } from "node:stream";
import { diskCache } from "@diskcache/koa";
import Router from "@koa/router";
import Koa from "koa";

const app = new Koa();
app.use(diskCache({ dir: ".cache/pages", ttl: "5m" }));

const router = new Router();

router.get("/page/:id", (ctx) => {
  ctx.body = `<!doctype html><title>Page ${ctx.params.id}</title>${"<p>A line of text.</p>".repeat(200)}`;
});

router.get("/stream", (ctx) => {
  ctx.type = "text/plain";
  ctx.body = Readable.from(["one\n", "two\n", "three\n"]);
});

router.get("/session", (ctx) => {
  ctx.cookies.set("session", "1");
  ctx.body = "<p>A page that sets a cookie is not stored.</p>";
});

app.use(router.routes());
app.listen(Number(process.env.PORT ?? 3000));
