import { diskCache } from "@diskcache/koa";
import Koa from "koa";

const app = new Koa();
app.use(diskCache({ dir: ".cache/pages", ttl: "5m" }));

app.use((ctx) => {
  ctx.body = `<h1>Rendered at ${new Date().toISOString()}</h1>`;
});

const port = Number(process.env["PORT"] ?? 3000);
app.listen(port, () => console.log(`http://localhost:${port}`));
