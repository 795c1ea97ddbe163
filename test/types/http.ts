/** What an editor knows and complains about with node:http. Compiled, never run. */
import { createServer } from "node:http";
import type { IncomingMessage, RequestListener } from "node:http";
import type { HandlerDirectives } from "@diskcache/http";
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
expectTypeOf(cache.route).returns.toEqualTypeOf<(handler: RequestListener) => RequestListener>();

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
