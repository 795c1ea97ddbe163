import { createServer } from "node:http";
import { diskCache } from "@diskcache/http";
import { serve } from "@hono/node-server";
import { Hono } from "hono";
import { compress } from "hono/compress";
import { setCookie } from "hono/cookie";
import { stream } from "hono/streaming";

const cache = diskCache({ dir: ".cache/pages", ttl: "5m", audit: process.env.AUDIT });

const app = new Hono();
app.use(compress());

app.get("/page/:id", (c) => {
  return c.html(`<!doctype html><title>Page ${c.req.param("id")}</title>${"<p>A line of text.</p>".repeat(200)}`);
});

app.get("/stream", (c) => {
  c.header("Content-Type", "text/plain");
  return stream(c, async (out) => {
    for (const line of ["one\n", "two\n", "three\n"]) await out.write(line);
  });
});

app.get("/session", (c) => {
  setCookie(c, "session", "1");
  return c.html("<p>A page that sets a cookie is not stored.</p>");
});

serve({
  fetch: app.fetch,
  port: Number(process.env.PORT ?? 3000),
  createServer: (options, listener) => createServer(options, cache(listener)),
});
