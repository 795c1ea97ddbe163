/** What an editor knows and complains about with node:http. Compiled, never run. */
import { createServer } from "node:http";
import type { IncomingMessage, RequestListener } from "node:http";
import { createSecureServer, createServer as createHttp2Server } from "node:http2";
import type { Http2ServerRequest, Http2ServerResponse } from "node:http2";
import type { HandlerDirectives, WrapListener } from "@diskcache/http";
import { cacheControl, diskCache, never, varyOn } from "@diskcache/http";
import { expectTypeOf } from "vitest";

const cache = diskCache({ dir: "cache", skip: (req) => req.url === "/" });
const handler: RequestListener = (req, res) => {
  expectTypeOf(req.diskCache).toEqualTypeOf<HandlerDirectives>();
  res.end();
};

createServer(cache(never()(cacheControl({ immutable: true })(varyOn("accept")(handler)))));
createServer(cache.route({ ttl: "1h", methods: ["GET", "QUERY"] })(handler));
createServer(cache.purges((req) => ({ url: req.url ?? "/" }))(cache.cached("5m", handler)));
expectTypeOf(cache.route).returns.toEqualTypeOf<WrapListener>();

createHttp2Server(cache(handler));
createSecureServer({ allowHTTP1: true }, cache.front(cache.route("5m")(handler)));
createHttp2Server(cache((req, res) => void res.end(req.url)));
createHttp2Server(
  cache((req: Http2ServerRequest, res: Http2ServerResponse) => {
    res.stream.respond({ ":status": req.authority === "" ? 400 : 200 });
  }),
);

cache.route({
  tags: (req) => {
    expectTypeOf(req).toEqualTypeOf<IncomingMessage>();
    return [];
  },
});
// @ts-expect-error -- no such option
cache.route({ tll: "5m" });
// @ts-expect-error -- a request of node:http has no parameters
cache.route({ tags: (req) => [req.params.id] });
// @ts-expect-error -- it wraps a handler
cache.never()("/");
