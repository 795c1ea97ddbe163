import { diskCache } from "@diskcache/express";
import { createRequestHandler } from "@react-router/express";
import express from "express";

const app = express();
app.use("/assets", express.static("build/client/assets", { immutable: true, maxAge: "1y" })); // already on disk
app.use(diskCache({ dir: ".cache/pages", ttl: "5m", audit: process.env.AUDIT }));
app.use(createRequestHandler({ build: () => import("./build/server/index.js") }));

app.listen(Number(process.env.PORT ?? 3000));
