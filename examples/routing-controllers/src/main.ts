// routing-controllers reads the types that the compiler leaves behind
import "reflect-metadata";
import type { AddressInfo } from "node:net";
import express from "express";
import { HttpError, useExpressServer } from "routing-controllers";
import { Articles } from "./articles.js";

const app = express();
app.use(express.urlencoded({ extended: false }));
// Of its own, because that of routing-controllers answers an error and hands it on as well, which breaks the connection.
useExpressServer(app, { controllers: [Articles], defaultErrorHandler: false });
app.use((error: Error, _req: express.Request, res: express.Response, _next: express.NextFunction) => {
  res.sendStatus(error instanceof HttpError ? error.httpCode : 500);
});

const server = app.listen(Number(process.env["PORT"] ?? 3000), () => {
  console.log(`http://localhost:${(server.address() as AddressInfo).port}/articles`);
});
