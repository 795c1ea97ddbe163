/** The tests' reverse proxy as a Koa application: status, fields and body on `ctx`, as the onion has it. An origin that
 * hangs up is a throw. */
import type { RequestListener } from "node:http";
import Koa, { type Middleware } from "koa";
import { forward, groupedByName, responseFieldLines } from "./forward.js";

/** An application that forwards everything to `origin`, behind the given middleware if there is one. */
export function koaApplication(origin: URL, cache?: Middleware): RequestListener {
  const app = new Koa();
  // What the innermost middleware throws is part of the tests, and not for the console.
  app.silent = true;
  if (cache !== undefined) app.use(cache);
  app.use(proxy(origin));
  const callback = app.callback();
  return (req, res) => void callback(req, res);
}

function proxy(origin: URL): Middleware {
  return async (ctx) => {
    const upstream = await forward(origin, ctx.originalUrl, ctx.req, ctx.res);
    // The origin's Date or none: Node must not add one of its own.
    ctx.res.sendDate = false;
    ctx.status = upstream.statusCode ?? 500;
    ctx.message = upstream.statusMessage ?? "";
    for (const [name, [first = "", ...repeats]] of groupedByName(responseFieldLines(upstream))) {
      ctx.set(name, repeats.length > 0 ? [first, ...repeats] : first);
    }
    ctx.body = upstream;
    // Koa names a type where the origin named none.
    if (upstream.headers["content-type"] === undefined) ctx.remove("Content-Type");
  };
}
