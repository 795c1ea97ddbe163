import type { AddressInfo } from "node:net";
import express from "express";
import { Articles } from "./articles.js";

const app = express();
const articles = new Articles();
app.get("/articles", (req, res) => articles.list(req, res));
app.get("/articles/:id", (req, res) => articles.show(req, res));
app.get("/articles/:id/edit", (req, res) => articles.edit(req, res));
app.post("/articles/:id", express.urlencoded(), (req, res) => articles.save(req, res));

const server = app.listen(Number(process.env["PORT"] ?? 3000), () => {
  console.log(`http://localhost:${(server.address() as AddressInfo).port}/articles`);
});
