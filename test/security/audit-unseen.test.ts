/** The audit cannot be seen: whatever a handler does with its request has the same result whether somebody looks or not. */
import { inspect, isDeepStrictEqual, type InspectOptions } from "node:util";
import { deepStrictEqual } from "node:assert/strict";
import type { IncomingMessage } from "node:http";
import { deserialize, serialize } from "node:v8";
import { BroadcastChannel, MessageChannel, receiveMessageOnPort, Worker } from "node:worker_threads";
import type { DiskCacheOptions } from "@diskcache/core";
import { diskCache as expressCache } from "@diskcache/express";
import cookieParser from "cookie-parser";
import express5 from "express";
import express4 from "express4";
import { afterEach, describe, expect, it, vi } from "vitest";
import { EXPRESS_5, MESSAGES } from "../adapters/adapters.js";
import { openSite, serveSite } from "../adapters/site.js";
import { ManualClock } from "../support/manual-clock.js";
import { temporaryDirectory } from "../support/temporary-directory.js";

type Fields = Record<string, unknown>;

const TRIALS: Record<string, (req: IncomingMessage) => unknown> = {
  "structuredClone()": ({ headers }) => structuredClone(headers),
  "structuredClone() of what holds it": ({ headers, rawHeaders }) => {
    const whole: Fields = { in: [{ headers }, new Map([["a", headers]]), new Set([headers])], rawHeaders };
    whole["self"] = whole;
    const clone = structuredClone(whole) as { in: [Fields, Map<string, unknown>, Set<unknown>]; self: unknown };
    const [bare, map, set] = clone.in;
    return [clone, clone.self === clone, bare["headers"] === map.get("a"), set.has(bare["headers"])];
  },
  "structuredClone() of raw lines": ({ rawHeaders }) => structuredClone(rawHeaders),
  "a message to a port": ({ headers }) => {
    const { port1, port2 } = new MessageChannel();
    port1.postMessage({ headers });
    const received: unknown = receiveMessageOnPort(port2);
    port1.close();
    return received;
  },
  "a message to a broadcast channel": ({ headers }) => {
    const channel = new BroadcastChannel("audit");
    channel.postMessage(headers);
    channel.close();
    return "sent";
  },
  "v8.serialize()": ({ headers }) => deserialize(serialize({ headers })),
  "util.inspect()": ({ headers }) => shown({ headers }),
  "util.inspect() of hidden things": ({ headers }) => shown(headers, { showHidden: true, customInspect: false }),
  "util.inspect() of raw lines": ({ rawHeaders }) => shown(rawHeaders),
  "JSON.stringify()": ({ headers, rawHeaders }) => JSON.stringify({ headers, rawHeaders }),
  "its keys": ({ headers }) => [Object.keys(headers), Reflect.ownKeys(headers), Object.getOwnPropertyNames(headers)],
  "a loop": ({ headers }) => {
    const names: string[] = [];
    for (const name in headers) names.push(name);
    return names;
  },
  "a copy": ({ headers }) => [{ ...headers }, Object.assign({}, headers), Object.entries(headers)],
  "web Headers": ({ headers }) => [
    ...new Headers(Object.entries(headers) as [string, string][]),
    ...new Headers(headers as Record<string, string>),
  ],
  "whether fields are there": ({ headers }) => [
    "x-a" in headers,
    "x-b" in headers,
    Object.hasOwn(headers, "x-a"),
    Object.hasOwn(headers, "x-b"),
  ],
  "its prototype": ({ headers }) => [
    Object.getPrototypeOf(headers) === Object.prototype || Object.getPrototypeOf(headers) === null,
    headers instanceof Object,
    Object.prototype.toString.call(headers),
  ],
  "its descriptors": ({ headers }) => [
    Object.getOwnPropertyDescriptors(headers),
    Object.isExtensible(headers),
    Object.isFrozen(headers),
  ],
  "a comparison": ({ headers }) => {
    const copy = Object.assign(Object.create(Object.getPrototypeOf(headers) as object), headers) as Fields;
    deepStrictEqual(headers, copy);
    return isDeepStrictEqual(headers, { ...copy, "x-a": "2" });
  },
  "an assignment": ({ headers }) => {
    headers["x-new"] = "1";
    headers["x-a"] = "2";
    return [headers["x-new"], Object.keys(headers).includes("x-new"), headers["x-a"]];
  },
  "a removal": ({ headers }) => {
    const had = delete headers["x-a"];
    return [had, headers["x-a"], "x-a" in headers];
  },
  "a definition": ({ headers }) => {
    Object.defineProperty(headers, "x-new", { value: "1", enumerable: false, configurable: true });
    return [headers["x-new"], Object.keys(headers).includes("x-new")];
  },
  "an heir": ({ headers }) => {
    const heir = Object.create(headers) as Fields;
    heir["x-a"] = "2";
    return [heir["x-a"], headers["x-a"], Object.keys(heir), heir["host"] === headers.host];
  },
  "other fields in its place": (req) => {
    req.headers = { "x-a": "3" };
    return [req.headers, structuredClone(req.headers)];
  },
  freezing: ({ headers }) => Object.isFrozen(Object.freeze(headers)),
  "raw lines": ({ rawHeaders }) => [
    Array.isArray(rawHeaders),
    rawHeaders.slice(),
    rawHeaders.map((text) => text.length),
    [...rawHeaders],
    rawHeaders.indexOf("x-a") >= 0,
    Object.prototype.toString.call(rawHeaders),
  ],
  "headers as lists": ({ headersDistinct }) => headersDistinct,
  "what the request has": (req) => [
    Object.keys(req).filter((name) => ["headers", "rawHeaders", "cookies", "query"].includes(name)),
    Object.hasOwn(req, "headers"),
    Object.getOwnPropertyDescriptor(req, "rawHeaders"),
  ],
};

/** What is asked of `req.cookies` and `req.query`. */
const PARSED: Record<string, (value: object) => unknown> = {
  "structuredClone()": (value) => structuredClone(value),
  "util.inspect()": (value) => shown(value),
  "a copy": (value) => ({ ...value }),
  "its prototype": (value) => Object.getPrototypeOf(value) === Object.prototype,
};

afterEach(() => void vi.restoreAllMocks());

describe.each(MESSAGES)("$name: in a handler", (adapter) => {
  it.each(Object.keys(TRIALS))("%s is as it is without the audit", async (trial) => {
    vi.spyOn(process, "emitWarning").mockImplementation(() => {});
    const results: unknown[] = [];
    for (const audit of ["off", "warn", "enforce"] as const) {
      const site = await openSite(adapter, {
        options: { ttl: 60, audit },
        handler: ({ req }) => {
          results.push(TRIALS[trial]!(req));
          return { body: "x" };
        },
      });
      const answer = await site.visit("/", { headers: { host: "a", "x-a": "1", connection: "close" } });
      expect(answer.status).toBe(200);
    }
    const [bare, ...watched] = results;
    expect(watched).toEqual([bare, bare]);
    // The text shows what an equality may pass over.
    for (const result of watched) expect(shown(result, SHOWING_ALL)).toBe(shown(bare, SHOWING_ALL));
  });
});

describe.each([
  { framework: "express 5", express: express5 },
  { framework: "express 4", express: express4 },
])("$framework: in a handler", ({ express }) => {
  it.each(Object.keys(PARSED))("%s of cookies and query is as it is without the audit", async (trial) => {
    vi.spyOn(process, "emitWarning").mockImplementation(() => {});
    const results: unknown[] = [];
    for (const audit of ["off", "warn", "enforce"] as const) {
      const { dir, clock } = { dir: temporaryDirectory(), clock: new ManualClock() };
      const rules: Partial<DiskCacheOptions> = { cookies: { ignore: ["_ga"] }, key: { query: { ignore: ["b"] } } };
      const cache = expressCache({ dir, clock, ttl: 60, audit, ...rules });
      const app = express();
      app.use(cache, cookieParser());
      app.get("/", (req, res) => {
        const parsed = [req.cookies as object, req.query];
        results.push([...parsed.map((value) => PARSED[trial]!(value)), Object.keys(req).includes("cookies")]);
        res.send("x");
      });
      const site = await serveSite(cache, clock, dir, app);
      expect((await site.visit("/?a=1&b=2", { headers: { cookie: "_ga=1" } })).status).toBe(200);
    }
    expect(results).toHaveLength(3);
    for (const result of results) expect(shown(result, SHOWING_ALL)).toBe(shown(results[0], SHOWING_ALL));
  });
});

describe("a value that cannot be cloned", () => {
  it("fails as it does without the audit, and what was to be transferred is still there", async () => {
    const site = await openSite(EXPRESS_5, {
      options: { ttl: 60, audit: "warn" },
      handler: ({ req: { headers } }) => {
        const buffer = new ArrayBuffer(8);
        expect(() => structuredClone({ headers, never: () => 1 }, { transfer: [buffer] })).toThrow(DOMException);
        expect(buffer.byteLength).toBe(8);
        expect(() => structuredClone(new Proxy({}, {}))).toThrow(/could not be cloned/);
        const sent = structuredClone({ headers, buffer }, { transfer: [buffer] });
        expect([sent.buffer.byteLength, buffer.byteLength]).toEqual([8, 0]);
        return { body: "x" };
      },
    });
    vi.spyOn(process, "emitWarning").mockImplementation(() => {});
    expect((await site.visit("/")).text).toBe("x");
  });
});

describe("a request whose properties other code has fixed", () => {
  it.each(["headers", "rawHeaders", "cookies", "query"])("gets its page as without the audit: %s", async (name) => {
    const site = await openSite(EXPRESS_5, {
      options: { ttl: 60, audit: "enforce", vary: ["X-A"] },
      handler: ({ req }) => ({ body: String(req.headers["x-a"]) }),
    });
    site.onRequest((req) => {
      const value = (req as unknown as Fields)[name] ?? {};
      Object.defineProperty(req, name, { value });
    });
    vi.spyOn(process, "emitWarning").mockImplementation(() => {});
    for (const value of ["1", "2"]) {
      const answer = await site.visit("/", { headers: { "x-a": value } });
      expect([answer.status, answer.text]).toEqual([200, value]);
    }
  });
});

describe("a worker", () => {
  it("is sent the fields of a request", async () => {
    vi.spyOn(process, "emitWarning").mockImplementation(() => {});
    const source = `const { parentPort, workerData } = require("node:worker_threads");
      parentPort.once("message", ({ headers }) => parentPort.postMessage([headers["x-a"], workerData["x-a"]]));`;
    const site = await openSite(EXPRESS_5, {
      options: { ttl: 60, audit: "warn" },
      handler: async ({ req: { headers } }) => {
        const worker = new Worker(source, { eval: true, workerData: headers });
        const answer = new Promise((resolve, reject) => worker.once("message", resolve).once("error", reject));
        worker.postMessage({ headers });
        const body = JSON.stringify(await answer);
        await worker.terminate();
        return { body };
      },
    });
    expect((await site.visit("/", { headers: { "x-a": "1" } })).text).toBe('["1","1"]');
  });
});

const SHOWING_ALL = { depth: null, showHidden: true, sorted: true } as const;

/** As text, without the `Proxy(…)` that Node 26 puts around whatever is one. */
function shown(value: unknown, options: InspectOptions = {}): string {
  let text = inspect(value, { ...options, breakLength: Infinity });
  for (let before = ""; before !== text;) {
    before = text;
    text = text.replace(/Proxy\(([^()]*)\)/, "$1");
  }
  return text;
}
