import { createServer } from "node:http";
import { diskCache } from "@diskcache/http";

const cache = diskCache({ dir: ".cache/pages", ttl: "5m" });

async function handler(req, res) {
  const { pathname } = new URL(req.url, "http://localhost");
  res.setHeader("Content-Type", "text/html; charset=utf-8");
  if (pathname === "/stream") {
    for (const line of ["one\n", "two\n", "three\n"]) {
      res.write(line);
      await new Promise(setImmediate);
    }
    res.end();
  } else if (pathname === "/session") {
    res.setHeader("Set-Cookie", "session=1");
    res.end("<p>A page that sets a cookie is not stored.</p>");
  } else {
    res.end(`<!doctype html><title>${encodeURI(pathname)}</title>${"<p>A line of text.</p>".repeat(200)}`);
  }
}

createServer(cache(handler)).listen(Number(process.env.PORT ?? 3000));
