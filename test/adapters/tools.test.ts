/** The small middlewares: `never()`, `cacheControl()`, `varyOn()`, `purges()`; each as middleware and as a decorator of
 * both kinds, and without a cache. */
import { createServer } from "node:http";
import type { ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { once } from "node:events";
import { Readable } from "node:stream";
import { cacheControl, never, varyOn } from "@diskcache/http";
import { describe, expect, it, onTestFinished } from "vitest";
import { barrier } from "../support/barrier.js";
import { temporaryDirectory } from "../support/temporary-directory.js";
import { visit } from "../support/visit.js";
import { ANSWERED, EVERY_ADAPTER, EVERY_TAPPED, incoming } from "./adapters.js";
import { openSite } from "./site.js";
import type { SiteDescription } from "./site.js";

const NEVER = "private, no-cache, no-store, must-revalidate, max-age=0";

// node:http has no controllers to decorate.
const PAIRS = EVERY_ADAPTER.flatMap((adapter) =>
  (["middleware", "decorator", "legacy-decorator"] as const)
    .filter((toolAs) => adapter.name !== "node:http" || toolAs === "middleware")
    .map((toolAs) => ({ adapter, toolAs, framework: adapter.name })),
);

describe.each(PAIRS)("$framework: as $toolAs", ({ adapter, toolAs }) => {
  it("never() has nobody keep a response, whatever the handler says", async () => {
    const site = await openSite(adapter, {
      tool: (tools) => tools.never(),
      toolAs,
      handler: () => ({
        headers: { "Cache-Control": "public, max-age=60", "CDN-Cache-Control": "max-age=60", Expires: "x" },
        body: `render ${site.renders}`,
      }),
    });
    for (const render of [1, 2]) {
      const answer = await site.visit("/");
      expect([answer.text, answer.header("cache-control"), answer.cacheStatus]).toEqual([
        `render ${render}`,
        NEVER,
        "diskcache; fwd=uri-miss; detail=never",
      ]);
      expect([answer.header("cdn-cache-control"), answer.header("expires")]).toEqual([undefined, undefined]);
    }
  });

  it("cacheControl() adds its directives to those of the handler, and the cache goes by both", async () => {
    const site = await openSite(adapter, {
      options: {},
      tool: (tools) => tools.cacheControl({ public: true, sMaxage: "1m" }),
      toolAs,
      handler: ({ req }) => ({
        headers: { "Cache-Control": "max-age=5" },
        status: req.url === "/" ? 200 : 404,
        body: "x",
      }),
    });
    for (const status of ["fwd=uri-miss; stored", "hit; ttl=60"]) {
      const answer = await site.visit("/", { headers: { cookie: "session=1" } });
      expect([answer.header("cache-control"), answer.keptStatus]).toEqual([
        "max-age=5, public, s-maxage=60",
        `diskcache; ${status}`,
      ]);
    }
    expect((await site.visit("/missing")).header("cache-control")).toBe("max-age=5");
  });

  it("varyOn() adds its fields to those of the handler, and the cache tells pages apart by them", async () => {
    const site = await openSite(adapter, {
      tool: (tools) => tools.varyOn("Accept-Language", "x-plan"),
      toolAs,
      handler: ({ req }) => ({
        headers: { Vary: "accept-language, Accept" },
        body: `${String(req.headers["x-plan"])} ${site.renders}`,
      }),
    });
    const ask = (plan: string) => site.visit("/", { headers: { "x-plan": plan } });
    expect([(await ask("a")).text, (await ask("b")).text, (await ask("a")).text]).toEqual(["a 1", "b 2", "a 1"]);
    expect((await ask("a")).header("vary")).toBe("accept-language, Accept, x-plan");
  });

  it("purges() ends what a successful request names, before its client sees the answer", async () => {
    const site = await openSite(adapter, {
      tool: (tools) => tools.purges((native) => (isGet(native) ? [] : [{ tag: "at:/article" }, "/list"])),
      toolAs,
      options: { ttl: "1h", tags: (native) => [`at:${incoming(native).url}`] },
      handler: ({ req }) => ({
        status: req.method === "GET" ? 200 : Number(req.headers["x-status"]),
        body: `render ${site.renders}`,
      }),
    });
    const hits = async () => {
      const answers = [];
      for (const target of ["/article", "/list", "/other"]) answers.push((await site.visit(target)).isHit);
      return answers;
    };
    const change = (status: string) => site.visit("/form", { method: "POST", headers: { "x-status": status } });
    await hits();
    for (const failure of ["400", "500"]) {
      await change(failure);
      expect(await hits()).toEqual([true, true, true]);
    }
    for (const success of ["200", "303"]) {
      expect((await change(success)).status).toBe(Number(success));
      expect(await hits()).toEqual([false, false, true]);
    }
  });
});

describe.each(EVERY_ADAPTER)("$name: purges()", (adapter) => {
  it("lets the answer out when it fails, and tells", async () => {
    const site = await openSite(adapter, {
      tool: (tools) =>
        tools.purges(() => {
          throw new Error("no such article");
        }),
      handler: () => ({ body: "saved" }),
    });
    expect((await site.visit("/", { method: "POST" })).text).toBe("saved");
    expect(site.errors).toMatchObject([{ code: "ERR_DISKCACHE_HOOK", message: "`purges` failed: no such article" }]);
  });

  it("holds the answer back until what it names is known and ended", async () => {
    const asked = barrier();
    const known = barrier();
    const order: string[] = [];
    const site = await openSite(adapter, {
      tool: (tools) =>
        tools.purges(async (native) => {
          if (isGet(native)) return [];
          asked.open();
          await known.opened;
          return { prefix: "/list" };
        }),
    });
    // A POST ends its own target as well, when that may be.
    site.cache.on("purge", ({ what }) => what.startsWith("{") && order.push(what));
    await site.visit("/list?page=2");
    const answer = site.visit("/form", { method: "POST" }).then((answered) => order.push(answered.text));
    await asked.opened;
    // Time enough for an answer that is not held back.
    expect((await site.visit("/list?page=2")).isHit).toBe(true);
    known.open();
    await answer;
    expect(order).toEqual(['{"prefix":"/list"}', "render 2"]);
    expect((await site.visit("/list?page=2")).isHit).toBe(false);
  });

  it.each([
    {
      given: "a misspelt word",
      purges: { tg: "a" },
      message: "`purges.tg`: expected a known name (did you mean `tag`?",
    },
    {
      given: "a path without its slash",
      purges: ["/", "news"],
      message: "`purges.url`: expected a path beginning with",
    },
    { given: "nothing", purges: undefined, message: "`purges`: expected a path, a URL, or an object" },
    { given: "an empty list", purges: [], message: "`purges`: expected one thing to end at least, got an empty array" },
    { given: "a soft that is none", purges: { tag: "a", soft: 1 }, message: "`purges.soft`: expected true or false" },
  ])("that is told $given is refused when it is made", ({ purges, message }) => {
    const { listen } = adapter.create({ dir: "/nowhere", ttl: 1 });
    const making = () => listen({ handler: () => ({}), tool: (tools) => tools.purges(purges as unknown as string) });
    expect(making).toThrow(expect.objectContaining({ code: "ERR_DISKCACHE_OPTION" }));
    expect(making).toThrow(message);
  });

  it("tells, as it does of a failure, where what a function names is none", async () => {
    const site = await openSite(adapter, {
      tool: (tools) => tools.purges(() => ({ tg: "a" }) as unknown as string),
      handler: () => ({ body: "saved" }),
    });
    expect((await site.visit("/", { method: "POST" })).text).toBe("saved");
    expect(site.errors).toMatchObject([{ code: "ERR_DISKCACHE_OPTION", message: expect.stringContaining("purge.tg") }]);
  });

  it("may be told once and for all what to end", async () => {
    const site = await openSite(adapter, { tool: (tools) => tools.purges([{ tag: "a" }, "/"]) });
    const purged: string[] = [];
    site.cache.on("purge", ({ what }) => purged.push(what));
    await site.visit("/form", { method: "POST" });
    expect(purged).toEqual(expect.arrayContaining(['{"tag":"a"}', '{"url":"/"}']));
  });
});

describe.each(EVERY_TAPPED)("$name: a response that purges() holds back", (adapter) => {
  it.each([
    {
      way: "in pieces, after an explicit head",
      write: (res: ServerResponse) => {
        res.writeHead(201, "Made", ["X-A", "1", "X-A", "2"]);
        const flowing = [res.write("a"), res.write(Buffer.from("b"))];
        res.end("c");
        return flowing;
      },
      answer: { status: 201, text: "abc" },
      fields: { "x-a": "1, 2" },
    },
    {
      way: "at once",
      write: (res: ServerResponse) => {
        res.statusCode = 202;
        res.setHeader("X-A", "1").end("abc");
        return [];
      },
      answer: { status: 202, text: "abc" },
      fields: { "x-a": "1", "content-length": "3" },
    },
  ])(
    "is what the handler has made $way, and looks to it as if it were on its way",
    async ({ write, answer, fields }) => {
      const seen: unknown[] = [];
      const site = await openSite(adapter, {
        tool: (tools) => tools.purges([{ tag: "a" }]),
        handler: ({ res }) => {
          seen.push(write(res), res.headersSent, res.writableEnded);
          return ANSWERED;
        },
      });
      const answered = await site.visit("/", { method: "POST" });
      expect(answered).toMatchObject(answer);
      for (const [name, value] of Object.entries(fields)) expect(answered.header(name)).toBe(value);
      expect(seen).toEqual([seen[0], true, true]);
      expect((seen[0] as boolean[]).every((flowing) => !flowing)).toBe(true);
    },
  );

  it("flows on, however long it is", async () => {
    const body = "0123456789".repeat(100_000);
    const site = await openSite(adapter, {
      tool: (tools) => tools.purges([{ tag: "a" }]),
      handler: () => ({ body: Readable.from([body, body]) }),
    });
    expect((await site.visit("/", { method: "POST" })).text).toBe(body + body);
  });

  it("is broken off when the handler has misused it, and nothing else is", async () => {
    const site = await openSite(adapter, {
      tool: (tools) => tools.purges((native) => (isGet(native) ? [] : [{ tag: "a" }])),
      handler: ({ req, res }) => {
        res.writeHead(200);
        if (req.method === "POST") res.writeHead(200);
        res.end("x");
        return ANSWERED;
      },
    });
    await expect(site.visit("/", { method: "POST" })).rejects.toThrow();
    expect((await site.visit("/")).text).toBe("x");
  });
});

describe.each(EVERY_ADAPTER)("$name: never() before the cache", (adapter) => {
  it("has the cache leave the request alone, whatever is stored and whatever a route says", async () => {
    const dir = temporaryDirectory();
    const before = await openSite(adapter, { options: { ttl: "1h", dir } });
    for (const _ of [1, 2]) await before.visit("/");
    await before.close();
    const marked: Tool = (tools) => tools.never();
    const site = await openSite(adapter, { options: { ttl: "1h", dir }, policy: "1h", tool: marked, toolAs: "before" });
    for (const render of [1, 2]) {
      const answer = await site.visit("/");
      expect([answer.text, answer.cacheStatus]).toEqual([`render ${render}`, "diskcache; fwd=bypass; detail=never"]);
      expect(answer.header("cache-control")).toBe(NEVER);
    }
  });
});

describe("without a cache", () => {
  it("the tools say to others what they would say to it", async () => {
    const handler = cacheControl({ public: true, maxAge: 60 })(
      varyOn("accept")((req, res) => {
        if (req.url === "/") res.writeHead(200, { "Cache-Control": "max-age=9", Vary: "cookie" });
        res.end();
      }),
    );
    const server = createServer((req, res) => (req.url === "/never" ? never()(handler) : handler)(req, res));
    await once(server.listen(0, "127.0.0.1"), "listening");
    onTestFinished(() => void server.close());
    const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const fields = async (target: string) => {
      const answer = await visit(origin, target);
      return [answer.header("cache-control"), answer.header("vary")];
    };
    expect(await fields("/")).toEqual(["max-age=9, public", "cookie, accept"]);
    expect(await fields("/plain")).toEqual(["public, max-age=60", "accept"]);
    expect(await fields("/never")).toEqual([NEVER, "accept"]);
  });
});

type Tool = NonNullable<SiteDescription["tool"]>;

function isGet(native: unknown): boolean {
  return incoming(native).method === "GET";
}
