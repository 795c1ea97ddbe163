/** Every way a handler can use the ServerResponse itself: the client sees no difference, and the next one gets the same
 * bytes. */
import { createReadStream, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { IncomingMessage, ServerResponse } from "node:http";
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { finished } from "node:stream/promises";
import { describe, expect, it, onTestFinished } from "vitest";
import { barrier } from "../support/barrier.js";
import { temporaryDirectory } from "../support/temporary-directory.js";
import { exchangeBytes, visit } from "../support/visit.js";
import type { Answer } from "../support/visit.js";
import { TAPPED } from "./adapters.js";
import { openRawSite } from "./site.js";

type Writing = (res: ServerResponse, req: IncomingMessage) => unknown;

const WRITINGS: readonly { readonly way: string; readonly write: Writing }[] = [
  { way: "end with a string", write: (res) => res.end("Grüße") },
  { way: "end with a string in latin1", write: (res) => res.end("Grüße", "latin1") },
  { way: "end with hex", write: (res) => res.end("00ff10", "hex") },
  { way: "end with bytes", write: (res) => res.end(new Uint8Array([0, 255, 10])) },
  { way: "end with a callback alone", write: (res) => res.end(() => {}) },
  { way: "end with a string and a callback", write: (res) => res.end("with callback", () => {}) },
  { way: "end with a string, an encoding and a callback", write: (res) => res.end("Grüße", "utf16le", () => {}) },
  { way: "end with nothing", write: (res) => res.end() },
  {
    way: "write in several encodings",
    write: (res) => {
      res.write("Grüße ", "latin1");
      res.write("4142", "hex");
      res.write(Buffer.from(" bytes "));
      res.write("with callback", () => {});
      res.end("QUI=", "base64");
    },
  },
  {
    way: "a buffer that is used again",
    write: (res) => {
      const shared = Buffer.from("aaaa");
      res.write(shared, () => {
        shared.fill("b");
        res.end(shared);
      });
    },
  },
  {
    way: "writeHead with an object",
    write: (res) => res.writeHead(203, { "X-A": "1", "X-B": ["2", "3"] }).end("object"),
  },
  { way: "writeHead with a reason", write: (res) => res.writeHead(200, "Fine", { "X-A": "1" }).end("reason") },
  {
    way: "writeHead with a flat array",
    write: (res) => res.writeHead(200, ["X-A", "1", "X-B", "2", "X-B", "3"]).end("flat"),
  },
  {
    way: "writeHead with pairs",
    write: (res) =>
      res
        .writeHead(200, [
          ["X-A", "1"],
          ["X-B", "2"],
          ["X-B", "3"],
        ] as never)
        .end("pairs"),
  },
  {
    way: "setHeader, appendHeader and statusCode",
    write: (res) => {
      res.statusCode = 203;
      res.statusMessage = "Roughly";
      res.setHeader("X-B", ["1", "2"]).appendHeader("X-B", "3");
      res.end("implicit");
    },
  },
  {
    way: "flushHeaders first",
    write: (res) => {
      res.setHeader("X-A", "1");
      res.flushHeaders();
      res.end("flushed");
    },
  },
  {
    way: "setHeaders with Headers",
    write: (res) => {
      res.setHeaders(new Headers({ "x-a": "1", "x-b": "2" }));
      res.end("headers");
    },
  },
  {
    way: "cork and uncork",
    write: (res) => {
      res.cork();
      res.write("one ");
      res.write("two");
      res.uncork();
      res.end();
    },
  },
  { way: "Content-Length given", write: (res) => res.writeHead(200, { "Content-Length": 5 }).end("12345") },
];

const PRIVATE = ["Cache-Control", "private", "X-A", "1", "Set-Cookie", "a=1", "X-A", "2", "Set-Cookie", "b=2"];
const UNKEPT: typeof WRITINGS = [
  { way: "writeHead with a flat array", write: (res) => res.writeHead(200, PRIVATE).end("flat") },
  { way: "writeHead with a reason", write: (res) => res.writeHead(200, "Fine", PRIVATE).end("reason") },
  {
    way: "writeHead with an object",
    write: (res) => res.writeHead(203, { "Cache-Control": "no-store", "Set-Cookie": ["a=1", "b=2"] }).end("object"),
  },
  {
    way: "setHeader and then writeHead",
    write: (res) => {
      res.setHeader("X-A", "0").setHeader("X-B", "1");
      res.writeHead(200, { "Cache-Control": "no-store", "X-A": "1" }).end("both");
    },
  },
  {
    way: "writeHead with what cannot be sent, and then something else",
    write: (res) => {
      try {
        res.writeHead(200, { "Cache-Control": "no-store", "X-A": "line\nbreak" });
      } catch (error) {
        Object.assign(res, { statusCode: 500, statusMessage: "Sorry" });
        res.end((error as { code: string }).code);
      }
    },
  },
];

describe.each(TAPPED)("$name: a handler that uses", (adapter) => {
  it.each(UNKEPT)("$way for what is not to be kept sends what it would send without a cache", async ({ write }) => {
    const bare = await bareAnswer(write);
    const site = await openRawSite(adapter, (req, res) => write(res, req));
    for (const answer of [await site.visit("/"), await site.visit("/")]) {
      expect([answer.isHit, answer.status, answer.statusText]).toEqual([false, bare.status, bare.statusText]);
      expect(answer.text).toBe(bare.text);
      expect(ownFields(answer)).toEqual(ownFields(bare));
    }
  });

  it("writeHead for what is not to be kept is not told the fields that are for the cache alone, and gets its own in their place", async () => {
    const site = await openRawSite(
      adapter,
      (_req, res) =>
        res
          .writeHead(200, { "cache-control": "no-store", "Cache-TAG": "a", vary: "accept", "cache-status": "app; hit" })
          .end(),
      { ttl: "5m", vary: ["x-b"] },
    );
    const answer = await site.visit("/");
    expect(answer.lines("cache-tag")).toEqual([]);
    expect(answer.lines("vary")).toEqual(["accept, x-b"]);
    expect(answer.lines("cache-status")).toEqual(["app; hit, diskcache; fwd=uri-miss; detail=no-store"]);
  });

  it.each(WRITINGS)(
    "$way sends what it would send without a cache, and the next client gets the same",
    async ({ write }) => {
      const bare = await bareAnswer(write);
      const site = await openRawSite(adapter, (req, res) => write(res, req));
      const miss = await site.visit("/");
      const hit = await site.visit("/");
      expect([miss.isStored, hit.isHit]).toEqual([true, true]);
      for (const answer of [miss, hit]) {
        expect([answer.status, answer.statusText, answer.body.toString("hex")]).toEqual([
          bare.status,
          bare.statusText,
          bare.body.toString("hex"),
        ]);
        expect(ownFields(answer)).toEqual(ownFields(bare));
      }
    },
  );

  it("callbacks hears from each of them once", async () => {
    const heard: string[] = [];
    const site = await openRawSite(adapter, (_req, res) => {
      res.write("a", () => heard.push("write"));
      res.end("b", () => heard.push("end"));
    });
    await site.visit("/");
    expect(heard).toEqual(["write", "end"]);
  });

  it("events hears finish and close once each", async () => {
    const heard: string[] = [];
    const closed = barrier();
    const site = await openRawSite(adapter, (_req, res) => {
      res
        .on("finish", () => heard.push("finish"))
        .on("close", () => {
          heard.push("close");
          closed.open();
        });
      res.end("x");
    });
    await site.visit("/");
    await closed.opened;
    expect(heard).toEqual(["finish", "close"]);
  });

  it("headersSent, writableEnded and statusCode reads what it would read without a cache", async () => {
    const read: unknown[] = [];
    const site = await openRawSite(adapter, (_req, res) => {
      read.push(res.headersSent, res.writableEnded);
      res.writeHead(201);
      read.push(res.headersSent, res.statusCode);
      res.end("x");
      read.push(res.writableEnded);
    });
    await site.visit("/");
    expect(read).toEqual([false, false, true, 201, true]);
  });

  it("write after end fails as it would without a cache, and nothing of it is kept", async () => {
    const failed = barrier();
    const site = await openRawSite(adapter, (_req, res) => {
      res.on("error", failed.open);
      res.end("whole");
      res.write(" and more");
    });
    expect((await site.visit("/")).text).toBe("whole");
    await failed.opened;
    expect((await site.visit("/")).text).toBe("whole");
  });

  it("trailers sends them to the one who waits, and keeps the body", async () => {
    const site = await openRawSite(adapter, (_req, res) => {
      res.writeHead(200, { Trailer: "X-Sum" });
      res.write("body");
      res.addTrailers({ "X-Sum": "7" });
      res.end();
    });
    const miss = await site.visit("/");
    expect([miss.text, miss.trailers["x-sum"]]).toEqual(["body", "7"]);
    const hit = await site.visit("/");
    expect(hit.text).toBe("body");
  });

  it("early hints sends them, and they are no part of what is kept", async () => {
    const site = await openRawSite(adapter, (_req, res) => {
      res.writeEarlyHints({ link: "</style.css>; rel=preload" }, () => res.end("page"));
    });
    const miss = await exchangeBytes(site.origin, "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
    expect(miss).toMatch(/^HTTP\/1\.1 103 [^]*\r\n\r\nHTTP\/1\.1 200 /);
    const hit = await exchangeBytes(site.origin, "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
    expect(hit).toMatch(/^HTTP\/1\.1 200 [^]*cache-status: diskcache; hit/i);
  });

  it("pipe sends the file, and keeps it", async () => {
    const file = join(temporaryDirectory(), "file");
    const bytes = Buffer.alloc(500_000, "0123456789");
    writeFileSync(file, bytes);
    const site = await openRawSite(adapter, (_req, res) => createReadStream(file).pipe(res));
    const miss = await site.visit("/");
    const hit = await site.visit("/");
    expect([miss.body.equals(bytes), hit.body.equals(bytes), hit.isHit]).toEqual([true, true, true]);
  });

  it("server-sent events reaches the client event by event, and nothing is kept", async () => {
    const next = barrier();
    const site = await openRawSite(adapter, async (_req, res) => {
      res.writeHead(200, { "Content-Type": "text/event-stream", "Cache-Control": "no-store" });
      res.flushHeaders();
      res.write("data: 1\n\n");
      await next.opened;
      res.end("data: 2\n\n");
    });
    const message = await site.begin("/");
    const [first] = (await once(message, "data")) as [Buffer];
    expect(first.toString()).toBe("data: 1\n\n");
    next.open();
    const [second] = (await once(message, "data")) as [Buffer];
    expect(second.toString()).toBe("data: 2\n\n");
    message.resume();
    await finished(message);
    expect((await site.visit("/")).isHit).toBe(false);
  });

  it("setHeader and then writeHead with a flat array loses no line, as it would with Node 20 alone", async () => {
    const site = await openRawSite(adapter, (_req, res) => {
      res.setHeader("X-B", "1");
      res.writeHead(200, ["X-B", "2", "X-B", "3"]).end("over");
    });
    for (const _ of ["miss", "hit"]) expect((await site.visit("/")).lines("x-b")).toEqual(["2", "3"]);
  });

  it("writeHead twice is told so by Node", async () => {
    const thrown: unknown[] = [];
    const site = await openRawSite(adapter, (_req, res) => {
      res.writeHead(200, { "X-A": "1" });
      try {
        res.writeHead(500);
      } catch (error) {
        thrown.push((error as NodeJS.ErrnoException).code);
      }
      res.end("once");
    });
    expect((await site.visit("/")).status).toBe(200);
    expect(thrown).toEqual(["ERR_HTTP_HEADERS_SENT"]);
  });

  it("a length that does not agree with its bytes keeps nothing", async () => {
    const site = await openRawSite(adapter, (_req, res) => {
      res.writeHead(200, { "Content-Length": 10 });
      res.write("short");
      res.end();
    });
    for (const _ of [1, 2]) await expect(site.visit("/", { headers: { connection: "close" } })).rejects.toThrow();
    expect((await site.cache.stats()).stored).toBe(0);
  });
});

/** What node:http alone makes of it. */
async function bareAnswer(write: Writing): Promise<Answer> {
  const server = createServer((req, res) => void write(res, req)).listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(() => void server.close());
  const answer = await visit(`http://127.0.0.1:${(server.address() as AddressInfo).port}`, "/");
  server.closeAllConnections();
  return answer;
}

/** Field lines of the handler, in order. */
function ownFields(answer: Answer): string[] {
  return answer.fields.filter(([name]) => /^x-(?!powered)/i.test(name)).map(([name, value]) => `${name}: ${value}`);
}
