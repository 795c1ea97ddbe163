/** What an editor knows and complains about with node:http. Compiled, never run. */
import { createServer } from "node:http";
import type { IncomingMessage, RequestListener } from "node:http";
import { createSecureServer, createServer as createHttp2Server } from "node:http2";
import type { Http2ServerRequest, Http2ServerResponse } from "node:http2";
import type { HandlerDirectives, OpenStore, WrapListener } from "@diskcache/http";
import { cacheControl, diskCache, FileCache, never, varyOn } from "@diskcache/http";
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

// A store of the application's own stands in place of a directory, and of all that is about one.
declare const store: OpenStore;
diskCache({ store, ttl: "5m", maxBody: "1mb", skip: (req) => req.url === "/" });
const values: FileCache = new FileCache({ store, strict: true });
// @ts-expect-error -- one of the two
diskCache({ store, dir: "cache" });
// @ts-expect-error -- a store has bounds of its own
diskCache({ store, maxSize: "1gb" });
diskCache({ store, limits: { maxBody: "1mb" } });
// @ts-expect-error -- a store has bounds of its own
diskCache({ store, limits: { maxSize: "1gb" } });
// @ts-expect-error -- a function that opens one
diskCache({ store: new Map() });
void [
  values,
  // @ts-expect-error -- a store has bounds of its own
  new FileCache({ store, maxEntries: 5 }),
  // @ts-expect-error -- there are no values without a place
  new FileCache({ ttl: "5m" }),
];
