/** A handler that breaks its response off when its client has had an answer already, by 304 or in part: those who read
 * along learn of it at once. What Node does to the connection by itself breaks nothing off. */
import { once } from "node:events";
import { Agent } from "node:http";
import type { IncomingMessage, ServerResponse } from "node:http";
import type { Socket } from "node:net";
import { text } from "node:stream/consumers";
import { describe, expect, it } from "vitest";
import { barrier } from "../support/barrier.js";
import { EVERY_WITH_NEST } from "./adapters.js";
import type { Adapter } from "./adapters.js";
import { openRawSite } from "./site.js";
import type { VisitOptions } from "../support/visit.js";

const FIRST = "first, ".repeat(100);
const SECOND = "second";

/** On a connection of its own. */
const ALONE = { agent: new Agent({ keepAlive: false }) };

interface Failing {
  readonly how: string;
  readonly fail: (req: IncomingMessage, res: ServerResponse) => unknown;
  /** Express answers an error by ending the connection; node:http's server ends the process. */
  readonly only?: "express";
}

const FAILING: readonly Failing[] = [
  { how: "an error", fail: () => Promise.reject(new Error("after its beginning")), only: "express" },
  { how: "destroy of the response", fail: (_req, res) => res.destroy() },
  { how: "destroy of the response with an error", fail: (_req, res) => res.destroy(new Error("broken off")) },
  { how: "destroy of the request", fail: (req) => req.destroy() },
  { how: "destroy of the request's connection", fail: (req) => req.socket.destroy() },
  { how: "destroy of the response's connection", fail: (_req, res) => res.socket!.destroy() },
  { how: "a reset", fail: (req) => req.socket.resetAndDestroy() },
];

const ANSWERED: readonly { readonly answer: string; readonly asked: VisitOptions; readonly status: number }[] = [
  { answer: "a 304", asked: { headers: { "If-None-Match": "*" } }, status: 304 },
  {
    answer: "a 304, and closes the connection",
    asked: { headers: { "If-None-Match": "*", Connection: "close" } },
    status: 304,
  },
  { answer: "its part", asked: { headers: { Range: "bytes=0-4" } }, status: 206 },
];

/** A page of announced length, so that a part of it can be answered, in two pieces; `act` comes between them. */
async function underWay(
  adapter: Adapter,
  asked: VisitOptions,
  act: (req: IncomingMessage, res: ServerResponse) => unknown,
) {
  const begin = barrier();
  const release = barrier();
  const sockets: Socket[] = [];
  const site = await openRawSite(adapter, async (req, res) => {
    await begin.opened;
    res.writeHead(200, { "Content-Type": "text/plain", "Content-Length": FIRST.length + SECOND.length });
    res.write(FIRST);
    if (site.renders === 1) {
      await release.opened;
      await act(req, res);
    }
    if (!res.destroyed) res.end(SECOND);
  });
  site.onRequest(({ socket }) => void sockets.push(socket));
  const first = site.visit("/", asked);
  await site.arrivals.reaches(1);
  const follower = site.begin("/");
  await site.waiting(1);
  begin.open();
  return { site, first: await first, follower: await follower, release, socket: sockets[0]! };
}

describe.each(EVERY_WITH_NEST.filter(({ tapped }) => tapped))("$name: a handler whose client has had", (adapter) => {
  const ways = FAILING.filter(({ only }) => only === undefined || adapter.name.startsWith(only));
  describe.each(ANSWERED)("$answer", ({ asked, status }) => {
    it.each(ways)(
      "and that breaks off by $how breaks off for those who read along, and the next one leads",
      async ({ fail }) => {
        const { site, first, follower, release } = await underWay(adapter, asked, fail);
        release.open();
        await expect(text(follower)).rejects.toThrow();
        expect(first.status).toBe(status);
        expect([(await site.visit("/", ALONE)).text, site.renders]).toEqual([FIRST + SECOND, 2]);
      },
    );
  });

  it.each([
    { event: "is idle for too long", does: (socket: Socket) => socket.emit("timeout") },
    { event: "is reset by its client", does: (socket: Socket) => socket.destroy(systemError("ECONNRESET", "read")) },
    { event: "sends what is no request", does: (socket: Socket) => socket.destroy(systemError("HPE_INVALID_METHOD")) },
  ])("its answer goes on for those who read along when the connection $event", async ({ does }) => {
    const { site, follower, release, socket } = await underWay(adapter, ANSWERED[0]!.asked, () => {});
    const closed = new Promise((resolve) => socket.once("close", resolve));
    does(socket);
    await closed;
    release.open();
    expect([await text(follower), (await site.visit("/", ALONE)).isHit, site.renders]).toEqual([
      FIRST + SECOND,
      true,
      1,
    ]);
  });

  it("its answer goes on for those who read along when Node closes the connection behind it", async () => {
    const { site, follower, release, socket } = await underWay(adapter, ANSWERED[1]!.asked, () => {});
    if (!socket.closed) await once(socket, "close");
    release.open();
    expect([await text(follower), (await site.visit("/", ALONE)).isHit, site.renders]).toEqual([
      FIRST + SECOND,
      true,
      1,
    ]);
  });
});

function systemError(code: string, syscall?: string): Error {
  return Object.assign(new Error(code), { code, ...(syscall && { syscall }) });
}
