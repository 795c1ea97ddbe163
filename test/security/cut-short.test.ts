/** A body that ends too early, and a client that does not read its: both harm the others in the naive cache of this
 * file, and nobody here. */
import { once } from "node:events";
import { createServer } from "node:http";
import type { RequestListener } from "node:http";
import type { AddressInfo } from "node:net";
import { PassThrough, Readable } from "node:stream";
import { buffer } from "node:stream/consumers";
import { describe, expect, it, onTestFinished } from "vitest";
import { EVERY_ADAPTER } from "../adapters/adapters.js";
import { openSite } from "../adapters/site.js";
import { barrier } from "../support/barrier.js";
import type { Barrier } from "../support/barrier.js";
import { beginVisit, visit } from "../support/visit.js";

const PLAIN = { "Content-Type": "text/plain" };
const PIECE = Buffer.alloc(65_536, "x");
/** More than the kernel takes for a client that does not read. */
const PIECES = 200;

/** Breaks off after the first half, the first time. */
function breaking(): () => Readable {
  let calls = 0;
  return () => {
    calls++;
    const body = new PassThrough().on("error", () => {}); // the application's own affair
    body.write("half ");
    const broken = calls === 1;
    setImmediate(() => (broken ? body.destroy(new Error("torn")) : body.end("whole")));
    return body;
  };
}

const long = () => Readable.from(Array<Buffer>(PIECES).fill(PIECE), { objectMode: false });

describe("a naive cache", () => {
  it("gives everybody the half of a page whose making broke off", async () => {
    const origin = await serve(naive(breaking(), barrier()));
    await visit(origin, "/").catch(() => undefined);
    expect((await visit(origin, "/")).text).toBe("half ");
  });

  it("lets one client who does not read hold everybody up", async () => {
    const held = barrier();
    const origin = await serve(naive(long, held));
    const reader = await beginVisit(origin, "/");
    let answered = false;
    const other = visit(origin, "/").finally(() => (answered = true));
    await held.opened;
    expect(answered).toBe(false);
    await Promise.all([buffer(reader), other]);
  });
});

describe.each(EVERY_ADAPTER)("$name", (adapter) => {
  it("gives nobody the half of a page whose making broke off", async () => {
    const body = breaking();
    const site = await openSite(adapter, { handler: () => ({ headers: PLAIN, body: body() }) });
    const first = await site.begin("/").catch(() => undefined);
    // Express does not tell a client that a piped stream has broken: it leaves.
    first?.on("error", () => {}).destroy();
    expect((await site.visit("/")).text).toBe("half whole");
    expect((await site.visit("/")).text).toBe("half whole");
  });

  it("lets nobody be held up by one client who does not read", async () => {
    const site = await openSite(adapter, {
      options: { ttl: "5m", maxBody: "64mb" },
      handler: () => ({ headers: PLAIN, body: long() }),
    });
    const reader = await site.begin("/");
    expect((await buffer(await site.begin("/"))).length).toBe(PIECES * PIECE.length);
    expect((await buffer(reader)).length).toBe(PIECES * PIECE.length);
  });
});

/**
 * One rendering for all, at the pace of the client who came first, and whatever was sent when it is over is the page.
 * @param held opened when that client holds the rendering up
 */
function naive(render: () => Readable, held: Barrier): RequestListener {
  let page: Promise<Buffer> | undefined;
  return (_req, res) => {
    if (page !== undefined) return void page.then((body) => res.writeHead(200, PLAIN).end(body));
    const sent: Buffer[] = [];
    page = once(res, "close").then(() => Buffer.concat(sent));
    const body = render().on("error", () => res.destroy());
    body.on("data", (piece: Buffer) => {
      sent.push(piece);
      if (res.write(piece)) return;
      body.pause();
      held.open();
      res.once("drain", () => body.resume());
    });
    body.on("end", () => res.end());
  };
}

async function serve(listener: RequestListener): Promise<string> {
  const server = createServer(listener).listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(() => void server.close());
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}
