/** Bodies read from disk go out from buffers that are used again: nobody is ever sent bytes of a page that came after
 * his. */
import { connect } from "node:net";
import type { RequestListener } from "node:http";
import { once } from "node:events";
import { describe, expect, it, onTestFinished } from "vitest";
import * as forHttp from "@diskcache/http";
import { barrier } from "../support/barrier.js";
import { ManualClock } from "../support/manual-clock.js";
import { temporaryDirectory } from "../support/temporary-directory.js";
import { ADAPTERS } from "./adapters.js";
import { openSite, serveSite } from "./site.js";
import type { Site } from "./site.js";

const BYTES = 100_000;
const NO_MEMORY = { ttl: "5m", memory: 0 } as const;
/** More than the system takes for a client that does not read. */
const REQUESTS = 300;

const pageOf = (target: string): Buffer => Buffer.alloc(BYTES, target);
const page = (target: string) => ({ headers: { "Content-Type": "text/plain" }, body: pageOf(target) });

/** Stored, on disk, and known to be asked for plainly. */
async function known(site: Site, ...targets: string[]): Promise<void> {
  for (const target of targets) {
    await site.visit(target);
    while ((await site.cache.stats()).pendingWrites > 0) await new Promise(setImmediate);
    for (let visit = 0; visit < 3; visit++) expect((await site.visit(target)).isHit).toBe(true);
  }
}

describe.each(ADAPTERS)("$name", (adapter) => {
  it.each([false, true])("a client that does not read is sent its own page all the same (front: %s)", async (front) => {
    const site = await openSite(adapter, { options: NO_MEMORY, front, handler: ({ req }) => page(req.url!) });
    await known(site, "/a", "/b");

    const socket = connect(Number(new URL(site.origin).port), "127.0.0.1");
    onTestFinished(() => void socket.destroy());
    socket.pause().write(`GET /a HTTP/1.1\r\nHost: ${new URL(site.origin).host}\r\n\r\n`.repeat(REQUESTS));
    const before = site.arrivals.count;
    while (site.arrivals.count === before) await new Promise(setImmediate);
    for (let visit = 0; visit < 10; visit++) expect((await site.visit("/b")).body.equals(pageOf("/b"))).toBe(true);

    expect(await bodiesFrom(socket)).toSatisfy((bodies: Buffer[]) => bodies.every((body) => body.equals(pageOf("/a"))));
  });
});

it("a hook that holds back what it is given has it to itself", async () => {
  const dir = temporaryDirectory();
  const clock = new ManualClock();
  const cache = forHttp.diskCache({ ...NO_MEMORY, dir, clock });
  const cached = cache((req, res) => res.setHeader("Content-Type", "text/plain").end(pageOf(req.url!)));
  const held = barrier();
  const released = barrier();
  const listener: RequestListener = (req, res) => {
    const end = res.end.bind(res) as (body: Buffer) => unknown;
    if (req.headers["x-held"] !== undefined)
      res.end = ((body: Buffer) => {
        held.open();
        void released.opened.then(() => end(body));
        return res;
      }) as typeof res.end;
    cached(req, res);
  };
  const site = await serveSite(cache, clock, dir, listener);
  await known(site, "/a", "/b");

  const waiting = site.visit("/a", { headers: { "X-Held": "1" } });
  await held.opened;
  expect((await site.visit("/b")).body.equals(pageOf("/b"))).toBe(true);
  released.open();
  expect((await waiting).body.equals(pageOf("/a"))).toBe(true);
});

/** The bodies of as many answers as were asked for, all of the same length. */
async function bodiesFrom(socket: ReturnType<typeof connect>): Promise<Buffer[]> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  let expected = Number.POSITIVE_INFINITY;
  socket.on("data", (chunk: Buffer) => {
    chunks.push(chunk);
    bytes += chunk.length;
    if (expected === Number.POSITIVE_INFINITY) expected = REQUESTS * (chunk.indexOf("\r\n\r\n") + 4 + BYTES);
    if (bytes >= expected) socket.end();
  });
  socket.resume();
  await once(socket, "close");
  const all = Buffer.concat(chunks);
  return Array.from({ length: REQUESTS }, (_, index) => {
    const end = ((index + 1) * all.length) / REQUESTS;
    return all.subarray(end - BYTES, end);
  });
}
