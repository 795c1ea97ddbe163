import { diskCache } from "@diskcache/express";
import compression from "compression";
import express from "express";

const app = express();
app.use(diskCache({ dir: ".cache/pages", ttl: "5m" }));
app.use(compression()); // behind the cache: compressed once, stored compressed

app.get("/page/:id", (req, res) => {
  res.send(`<!doctype html><title>Page ${req.params.id}</title>${"<p>A line of text.</p>".repeat(200)}`);
});

app.get("/stream", async (_req, res) => {
  res.type("text/plain");
  for (const line of ["one\n", "two\n", "three\n"]) {
    res.write(line);
    await new Promise(setImmediate);
  }
  res.end();
});

app.get("/session", (_req, res) => {
  res.cookie("session", "1").send("<p>A page that sets a cookie is not stored.</p>");
});

app.listen(Number(process.env.PORT ?? 3000));
