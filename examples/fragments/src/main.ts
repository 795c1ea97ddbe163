import { createHmac, randomBytes } from "node:crypto";
import type { AddressInfo } from "node:net";
import { diskCache } from "@diskcache/express";
import express from "express";
import type { Request } from "express";

const app = express();
// The cookie says who a client is, and no page depends on that but in its hole.
const cache = diskCache({ dir: ".cache/pages", ttl: "5m", cookies: { ignore: ["client"] } });

const secret = randomBytes(32);
const token = cache.hole("token", (req: Request) =>
  createHmac("sha256", secret)
    .update(req.headers.cookie ?? "")
    .digest("hex"),
);
app.use(cache);

app.get("/articles/:id", async (req, res) => {
  const sidebar = await req.diskCache.fragment("sidebar", [], { ttl: "1h", tags: ["news"] }, renderSidebar);
  res.send(`<h1>Article ${Number(req.params.id)}</h1>${sidebar}
<form method="post"><input type="hidden" name="token" value="${token(req)}"><button>Like</button></form>`);
});

// Every page with the sidebar in it goes with the sidebar.
app.post("/news", async (_req, res) => {
  await cache.purgeTag("news");
  res.sendStatus(204);
});

async function renderSidebar(): Promise<string> {
  console.log("rendering the sidebar");
  await new Promise((resolve) => setTimeout(resolve, 200));
  return `<aside>News of ${new Date().toISOString()}</aside>`;
}

const server = app.listen(Number(process.env["PORT"] ?? 3000), () => {
  console.log(`http://localhost:${(server.address() as AddressInfo).port}`);
});
