import { diskCache } from "@diskcache/express";
import express from "express";

const app = express();
app.use(diskCache({ dir: ".cache/pages", ttl: "5m" }));

app.get("/", (_req, res) => {
  res.send(`<h1>Rendered at ${new Date().toISOString()}</h1>`);
});

const port = Number(process.env["PORT"] ?? 3000);
app.listen(port, (error) => console.log(error ?? `http://localhost:${port}`));
