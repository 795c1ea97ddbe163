/** What the cache says of one request is the same wherever it says it: the field, the events, the counters, and what `explain` foretold. */
import type { CacheEvents, DiskCacheOptions } from "@diskcache/core";
import { describe, expect, it } from "vitest";
import type { VisitOptions } from "../support/visit.js";
import { ADAPTERS } from "./adapters.js";
import type { Asked, Page } from "./adapters.js";
import { openSite } from "./site.js";

interface Reason {
  /** The whole field. */
  readonly field: string;
  readonly options?: Partial<DiskCacheOptions>;
  readonly request?: VisitOptions;
  readonly target?: string;
  readonly handler?: (asked: Asked) => Page;
  /** What is known before the handler has been asked. Default: the words of the field. */
  readonly foretold?: { readonly reason: string; readonly detail?: string };
}

const headers = (fields: Record<string, string>): VisitOptions => ({ headers: fields });
const answers = (fields: Record<string, string>, status = 200) => ({
  handler: () => ({ status, headers: fields, body: "page" }),
});
const MISS = { reason: "uri-miss" };
const bypass = (detail: string, rest: Omit<Reason, "field"> = {}): Reason => ({
  field: `fwd=bypass; detail=${detail}`,
  ...rest,
});
const refused = (detail: string, rest: Omit<Reason, "field">): Reason => ({
  field: `fwd=uri-miss; detail=${detail}`,
  foretold: MISS,
  ...rest,
});

const REASONS: readonly Reason[] = [
  bypass("authorization", { request: headers({ authorization: "Basic eA==" }) }),
  bypass("cookie", { request: headers({ cookie: "session=1" }) }),
  { field: "fwd=method; detail=method", request: { method: "POST" } },
  bypass("body", { request: { ...headers({ "content-length": "1" }), body: "x" } }),
  bypass("method-override", { request: headers({ "x-http-method-override": "PUT" }) }),
  bypass("url-override", { request: headers({ "x-original-url": "/y" }) }),
  bypass("target", { target: `/${"x".repeat(8192)}` }),
  bypass("host", { options: { hosts: ["example.org"] } }),
  bypass("precondition", { request: headers({ "if-match": "*" }) }),
  bypass("never", { options: { rules: [{ path: "/**", never: true }] } }),
  bypass("skip", { options: { skip: () => true } }),
  bypass("request-no-store", { options: { honourRequest: true }, request: headers({ "cache-control": "no-store" }) }),
  bypass("disabled", { options: { enabled: false } }),
  bypass("hook", {
    options: {
      key: () => {
        throw new Error("no key");
      },
    },
  }),
  refused("no-freshness", { options: { ttl: undefined as never } }),
  refused("set-cookie", answers({ "Set-Cookie": "a=b" })),
  refused("private", answers({ "Cache-Control": "private" })),
  refused("no-store", answers({ "Cache-Control": "no-store" })),
  refused("malformed", answers({ "Cache-Control": "no-store; private" })),
  refused("no-cache", {
    handler: ({ directives }) => {
      directives.vary("x");
      return { headers: { "Cache-Control": "no-cache", "Content-Length": "0" }, status: 203 };
    },
  }),
  refused("expired-no-validator", {
    handler: () => ({ headers: { "Cache-Control": "max-age=0" }, status: 404, body: "x" }),
  }),
  refused("vary-star", answers({ Vary: "*" })),
  refused("status", answers({}, 429)),
  refused("too-long", { options: { maxBody: 2 }, ...answers({ "Content-Length": "4" }) }),
  refused("event-stream", answers({ "Content-Type": "text/event-stream" })),
  refused("admission", { options: { admission: "second-request" } }),
  refused("should-store", { options: { shouldStore: () => false } }),
  refused("partition", {
    handler: ({ directives }) => {
      directives.partition("staff");
      return { body: "page" };
    },
  }),
  refused("preview", {
    handler: ({ directives }) => {
      directives.skip("preview");
      return { body: "page" };
    },
  }),
  refused("head-too-long", answers({ "Cache-Tag": "x".repeat(65_536) })),
  refused("no-room", { options: { minFree: Number.MAX_SAFE_INTEGER } }),
  {
    field: "fwd=uri-miss; detail=no-store",
    request: headers({ cookie: "a=b" }),
    foretold: { reason: "bypass", detail: "cookie" },
    ...answers({ "Cache-Control": "no-store" }),
  },
  { field: "fwd=uri-miss; detail=method", request: { method: "HEAD" }, foretold: MISS },
];

/** Reasons that need a body that is known in whole when its head leaves, or a framework that makes no validators. */
const NOT_IN: Readonly<Record<string, RegExp>> = {
  "fwd=uri-miss; detail=no-room": /http/,
  "fwd=uri-miss; detail=expired-no-validator": /express/,
};

describe.each(ADAPTERS)("$name", (adapter) => {
  it.each(REASONS.filter(({ field }) => NOT_IN[field]?.test(adapter.name) !== true))(
    "says $field everywhere",
    async ({ field, options = {}, request = {}, target = "/", handler, foretold }) => {
      const explained: { readonly reason: string | undefined; readonly detail: string | undefined }[] = [];
      const site = await openSite(adapter, {
        options: { ttl: 60, ...options },
        handler: (asked) => handler?.(asked) ?? { body: "page" },
      });
      const events: [string, string, string | undefined][] = [];
      site.cache.on("forward", ({ reason, detail }: CacheEvents["forward"]) =>
        events.push(["forward", reason, detail]),
      );
      site.cache.on("not-stored", ({ reason }) => events.push(["not-stored", reason, undefined]));
      site.onRequest((req) => site.cache.explain(req).then(({ reason, detail }) => explained.push({ reason, detail })));
      const answer = await site.visit(target, request);
      expect(answer.cacheStatus).toBe(`diskcache; ${field}`);
      const fwd = /fwd=([a-z-]+)/.exec(field)![1]!;
      const detail = /detail=([a-z-]+)/.exec(field)![1]!;
      const left = fwd === "bypass" || fwd === "method";
      expect(events.find(([name]) => name === "forward")).toEqual(["forward", fwd, left ? detail : undefined]);
      const refusals = events.filter(([name]) => name === "not-stored").map(([, reason]) => reason);
      // What was left alone was never to be stored.
      expect(refusals).toEqual(left && !["authorization", "cookie"].includes(detail) ? [] : [detail]);
      const { forwards, notStored, stored, hits } = await site.cache.stats();
      expect({ forwards, notStored, stored, hits }).toEqual({
        forwards: 1,
        notStored: refusals.length,
        stored: 0,
        hits: 0,
      });
      expect(explained).toEqual([{ detail: undefined, ...(foretold ?? { reason: fwd, detail }) }]);
    },
  );
});
