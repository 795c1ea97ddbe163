/** The tests' reverse proxy as an Express application. An origin that hangs up becomes an error, and that a 502 page,
 * as in most applications. */
import { pipeline } from "node:stream";
import express, { type ErrorRequestHandler, type Express, type RequestHandler } from "express";
import { forward, responseFieldLines } from "./forward.js";

/** An application that forwards everything to `origin`, behind the given middleware if there is one. */
export function expressApplication(origin: URL, cache?: RequestHandler): Express {
  const app = express();
  app.disable("x-powered-by");
  if (cache !== undefined) app.use(cache);
  app.use(proxy(origin));
  app.use(badGateway);
  return app;
}

function proxy(origin: URL): RequestHandler {
  return (req, res, next) => {
    forward(origin, req.originalUrl, req, res).then((upstream) => {
      // The origin's Date or none: Node must not add one of its own.
      res.sendDate = false;
      res.writeHead(upstream.statusCode ?? 500, upstream.statusMessage, responseFieldLines(upstream));
      // A body that breaks off upstream breaks off here: `pipeline` destroys the response, which the callback has
      // nothing to add to.
      pipeline(upstream, res, () => {});
    }, next);
  };
}

const badGateway: ErrorRequestHandler = (error, _req, res, next) => {
  if (res.headersSent) next(error);
  else res.status(502).type("text").send("The origin did not answer.");
};
