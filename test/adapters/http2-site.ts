/** The adapters that speak HTTP/2, and a running site of one with a cache in front. */
import type { RequestListener } from "node:http";
import type { DiskCacheOptions } from "@diskcache/core";
import { onTestFinished } from "vitest";
import { tally } from "../support/barrier.js";
import { openHttp2 } from "../support/http2-server.js";
import type { Http2Kind } from "../support/http2-server.js";
import { ManualClock } from "../support/manual-clock.js";
import { temporaryDirectory } from "../support/temporary-directory.js";
import { EVERY_ADAPTER } from "./adapters.js";
import type { Adapter, Application, Handler } from "./adapters.js";

/** Express itself does not work on HTTP/2. Of a web Request it is the server that speaks it, and the cache sees none of
 * it. */
export const SPEAKING: readonly Adapter[] = EVERY_ADAPTER.filter(
  ({ name, web }) => !name.startsWith("express") && web !== true,
);
export const KINDS: readonly Http2Kind[] = ["cleartext", "secure"];
export const SPEAKING_BY_KIND = SPEAKING.flatMap((adapter) => KINDS.map((kind) => ({ ...adapter, adapter, kind })));

export interface Http2Description extends Omit<Application, "handler"> {
  readonly options?: Partial<DiskCacheOptions>;
  /** Whether `cache.front()` stands before the framework. Default: no. */
  readonly front?: boolean;
}

export async function openSite(adapter: Adapter, kind: Http2Kind, handler: Handler, more: Http2Description = {}) {
  const { options, front = false, ...application } = more;
  const clock = new ManualClock();
  const { cache, listen } = adapter.create({ dir: temporaryDirectory(), ttl: "5m", clock, ...options });
  onTestFinished(() => cache.close());
  const renders = tally();
  const counting: Handler = (asked) => {
    renders.add();
    return handler(asked);
  };
  const listener = listen({ ...application, handler: counting });
  const site = await openHttp2(kind, front ? cache.front(listener) : listener);
  return Object.assign(site, { cache, clock, renders });
}

/** A listener of the node:http adapter, whose handler writes to the response by hand. */
export function writingByHand(handler: RequestListener): RequestListener {
  const { cache, listen } = SPEAKING.find(({ tapped }) => tapped)!.create({ dir: temporaryDirectory(), ttl: "5m" });
  onTestFinished(() => cache.close());
  return listen({
    handler: ({ req, res }) => {
      handler(req, res);
      return new Promise(() => {}); // it has answered
    },
  });
}
