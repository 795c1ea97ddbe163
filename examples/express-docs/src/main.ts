/** A documentation site in Express: every page is rendered on request, and kept on disk by the one line that adds the cache. */
import { createServer } from "node:http";
import { openSite, readOptions, run, SECURITY_HEADERS } from "@diskcache/example-docs-site";
import { diskCache } from "@diskcache/express";
import express from "express";

const options = readOptions({ port: 3777, dir: ".cache/express-docs" });
const site = await openSite();
const cache = diskCache({ dir: options.dir, ttl: "1h" });

const app = express();
app.disable("x-powered-by");

app.use(cache);

app.use((_req, res, next) => {
  res.set(SECURITY_HEADERS);
  next();
});

app.get("/", async (req, res) => {
  const query = req.query["q"];
  res.type("html").send(await site.index(typeof query === "string" ? query : ""));
});

app.get("/style.css", async (_req, res) => {
  res.type("css").send(await site.stylesheet());
});

app.get("/icon.svg", async (_req, res) => {
  res.type("svg").send(await site.icon());
});

app.use(async (req, res) => {
  const page = req.method === "GET" || req.method === "HEAD" ? await site.document(req.path) : undefined;
  res.status(page === undefined ? 404 : 200).type("html");
  res.send(page ?? site.notFound());
});

process.exitCode = await run({ framework: "Express", server: createServer(app), cache, site, options });
