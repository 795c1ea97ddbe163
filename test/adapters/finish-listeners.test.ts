/** Logs and metrics ask a response for its status and fields once it is over: on a hit they find what was sent, as they
 * do without the cache. */
import type { OutgoingHttpHeaders, RequestListener, ServerResponse } from "node:http";
import { diskCache } from "@diskcache/koa";
import Koa3 from "koa";
import Koa2 from "koa2";
import { describe, expect, it } from "vitest";
import { ManualClock } from "../support/manual-clock.js";
import { temporaryDirectory } from "../support/temporary-directory.js";
import type { Answer } from "../support/visit.js";
import { MESSAGES } from "./adapters.js";
import { serveSite } from "./site.js";

interface Seen {
  readonly status: number;
  readonly fields: OutgoingHttpHeaders;
  readonly names: readonly string[];
  readonly one: unknown;
  readonly has: readonly boolean[];
  readonly refused: unknown;
}

function look(res: ServerResponse): Seen {
  return {
    status: res.statusCode,
    one: res.getHeader("X-Page"),
    has: [res.hasHeader("x-page"), res.hasHeader("x-none")],
    fields: { ...res.getHeaders() },
    names: res.getHeaderNames(),
    refused: codeOf(() => res.setHeader("X-Late", "1")),
  };
}

function codeOf(act: () => unknown): unknown {
  try {
    return act();
  } catch (thrown) {
    return (thrown as { code?: unknown }).code;
  }
}

/** Node's own fields are on no list of a response's. */
const NODES = new Set(["date", "connection", "keep-alive"]);

/** What was to be seen of an answer: what came over the wire. */
function sent(answer: Answer): Seen {
  const names = [...new Set(answer.fields.map(([name]) => name.toLowerCase()))].filter(
    (name) => !NODES.has(name) || (name === "date" && answer.isHit),
  );
  const value = (name: string): string | string[] => {
    const lines = answer.lines(name);
    return lines.length === 1 ? lines[0]! : lines;
  };
  return {
    status: answer.status,
    one: ["1", "2"],
    has: [true, false],
    fields: Object.fromEntries(names.map((name) => [name, value(name)])),
    names,
    refused: "ERR_HTTP_HEADERS_SENT",
  };
}

const ASKED = [
  { asked: "plainly", options: {} },
  { asked: "by HEAD", options: { method: "HEAD" } },
  { asked: "for a part", options: { headers: { Range: "bytes=1-2" } } },
  { asked: "for news", options: { headers: { "If-None-Match": '"v"' } } },
];
const PAGE = { headers: { "Content-Type": "text/plain", ETag: '"v"', "X-Page": ["1", "2"] }, body: "page" };

/** Ways of being told that a response is over; all of them before anything else sees it. */
const WAYS: Readonly<Record<string, (res: ServerResponse, tell: () => void) => void>> = {
  finish: (res, tell) => void res.once("finish", tell),
  close: (res, tell) => void res.once("close", tell),
  "an end of their own": (res, tell) => {
    const end = res.end.bind(res) as (...given: unknown[]) => ServerResponse;
    res.end = ((...given: unknown[]) => {
      const ended = end(...given);
      tell();
      return ended;
    }) as typeof res.end;
  },
};

const ROWS = Object.keys(WAYS).flatMap((way) => [false, true].map((front) => ({ way, front })));

describe.each(MESSAGES)("$name", (adapter) => {
  it.each(ROWS)("who hears of the end by $way finds what was sent (front: $front)", async ({ way, front }) => {
    const seen: Seen[] = [];
    const dir = temporaryDirectory();
    const clock = new ManualClock();
    const { cache, listen } = adapter.create({ dir, clock, ttl: "5m" });
    const application = listen({ handler: () => PAGE });
    const inner = front ? cache.front(application) : application;
    const listener: RequestListener = (req, res) => {
      WAYS[way]!(res, () => seen.push(look(res)));
      inner(req, res);
    };
    const site = await serveSite(cache, clock, dir, listener);
    await site.visit("/");
    for (const { options } of ASKED) {
      seen.length = 0;
      const answer = await site.visit("/", options);
      expect(answer.isHit).toBe(true);
      while (seen.length === 0) await new Promise(setImmediate);
      expect(seen).toEqual([sent(answer)]);
    }
  });
});

it.each(MESSAGES)("$name: where nobody listens, a hit costs no look at its fields", async (adapter) => {
  const responses: ServerResponse[] = [];
  const dir = temporaryDirectory();
  const clock = new ManualClock();
  const { cache, listen } = adapter.create({ dir, clock, ttl: "5m" });
  const front = cache.front(listen({ handler: () => PAGE }));
  const site = await serveSite(cache, clock, dir, (req, res) => {
    responses.push(res);
    front(req, res);
  });
  await site.visit("/");
  expect((await site.visit("/")).isHit).toBe(true);
  expect(responses.at(-1)!.getHeaderNames()).toEqual([]);
});

describe.each([
  { framework: "koa 3", Koa: Koa3 },
  { framework: "koa 2", Koa: Koa2 },
])("$framework", ({ Koa }) => {
  it.each(ASKED)("middleware that listens after next() finds what was sent, asked $asked", async ({ options }) => {
    const seen: Seen[] = [];
    const dir = temporaryDirectory();
    const clock = new ManualClock();
    const cache = diskCache({ dir, clock, ttl: "5m" });
    const app = new Koa();
    app.use(async ({ res }, next) => {
      await next();
      res.once("finish", () => seen.push(look(res)));
    });
    app.use(cache);
    app.use((ctx) => {
      ctx.body = PAGE.body;
      ctx.set(PAGE.headers as unknown as Record<string, string>);
    });
    const listener = app.callback();
    const site = await serveSite(cache, clock, dir, (req, res) => void listener(req, res));
    await site.visit("/");
    seen.length = 0;
    const answer = await site.visit("/", options);
    expect(answer.isHit).toBe(true);
    while (seen.length === 0) await new Promise(setImmediate);
    expect(seen).toEqual([sent(answer)]);
  });
});
