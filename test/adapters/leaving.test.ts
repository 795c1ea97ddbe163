/** A client that leaves early, and a handler that stops when it notices: what it has written by then is no page, for no
 * one. */
import { once } from "node:events";
import type { IncomingMessage, ServerResponse } from "node:http";
import { Readable, finished } from "node:stream";
import { text } from "node:stream/consumers";
import onFinished from "on-finished";
import { describe, expect, it } from "vitest";
import { barrier } from "../support/barrier.js";
import { EVERY_ADAPTER, EVERY_TAPPED } from "./adapters.js";
import { openRawSite, openSite } from "./site.js";
import type { Site } from "./site.js";

const PLAIN = { "Content-Type": "text/plain" };

/** A way to notice that the client has gone: told by an event, or asked again and again. */
interface Noticing {
  readonly way: string;
  readonly told?: (req: IncomingMessage, res: ServerResponse, stop: () => void) => unknown;
  readonly asked?: (req: IncomingMessage, res: ServerResponse) => boolean;
}

const NOTICING: readonly Noticing[] = [
  { way: "close of the response", told: (_req, res, stop) => res.on("close", stop) },
  { way: "close of the request", told: (req, _res, stop) => req.on("close", stop) },
  { way: "aborted of the request", told: (req, _res, stop) => req.on("aborted", stop) },
  { way: "error of the request", told: (req, _res, stop) => req.on("error", stop) },
  { way: "close of the connection", told: (req, _res, stop) => req.socket.on("close", stop) },
  { way: "end of the connection", told: (req, _res, stop) => req.socket.on("end", stop) },
  { way: "stream.finished", told: (_req, res, stop) => finished(res, stop) },
  { way: "on-finished", told: (_req, res, stop) => onFinished(res, stop) },
  { way: "destroyed of the response", asked: (_req, res) => res.destroyed },
  { way: "closed of the response", asked: (_req, res) => res.closed },
  { way: "destroyed of the request", asked: (req) => req.destroyed },
  { way: "aborted of the request, asked", asked: (req) => req.aborted },
  { way: "destroyed of the connection", asked: (req) => req.socket.destroyed },
  { way: "writable of the connection", asked: (_req, res) => res.socket?.writable === false },
];

/** A page of two pieces. The second one comes when the test releases it, and in its place an end when the handler has
 * noticed. */
async function* pieces({ told, asked }: Noticing, req: IncomingMessage, res: ServerResponse, release: Promise<void>) {
  let stopped = false;
  const notice = new Promise<void>((resolve) => told?.(req, res, resolve)).then(() => void (stopped = true));
  yield "first, ";
  let released = false;
  void release.then(() => void (released = true));
  while (!released && !stopped) {
    if (asked?.(req, res) === true) stopped = true;
    await Promise.race([release, notice, new Promise(setImmediate)]);
  }
  if (!stopped) yield "second";
}

describe.each(EVERY_ADAPTER)("$name: a handler that notices by", (adapter) => {
  // Of the web's Requests, only the signal tells.
  describe.each(NOTICING.filter(({ way }) => adapter.web !== true || /close of the re|destroyed of the re/.test(way)))(
    "$way that its client has left, and stops",
    (noticing) => {
      async function leaveAfterFirst(release: Promise<void>, announced: boolean): Promise<Site> {
        const headers = announced ? { ...PLAIN, "Content-Length": "13" } : PLAIN;
        const site = await openSite(adapter, {
          handler: ({ req, res }) => ({ headers, body: Readable.from(pieces(noticing, req, res, release)) }),
        });
        const first = await site.begin("/");
        await once(first, "data");
        first.on("error", () => {}).destroy();
        await site.departures.reaches(1);
        return site;
      }

      it.each([{ announced: false }, { announced: true }])(
        "has no one served less than the page (length announced: $announced)",
        async ({ announced }) => {
          const release = barrier();
          const site = await leaveAfterFirst(release.opened, announced);
          for (let turn = 0; turn < 10; turn++) await new Promise(setImmediate);
          const second = site.begin("/").then(text);
          release.open();
          expect([await second, (await site.visit("/")).text]).toEqual(["first, second", "first, second"]);
          const hit = await site.visit("/");
          expect([hit.text, hit.isHit]).toEqual(["first, second", true]);
        },
      );
    },
  );
});

describe.each(EVERY_ADAPTER)("$name: a handler whose client has left", (adapter) => {
  it("goes on for those who read along, and does not learn of it", async () => {
    const release = barrier();
    const site = await openSite(adapter, {
      handler: ({ req, res }) => ({
        headers: PLAIN,
        body: Readable.from(pieces(NOTICING[0]!, req, res, release.opened)),
      }),
    });
    const leader = await site.begin("/");
    const followers = await Promise.all([site.begin("/"), site.begin("/")]);
    leader.on("error", () => {}).destroy();
    await site.departures.reaches(1);
    const later = site.begin("/");
    await site.waiting(1);
    release.open();
    const texts = await Promise.all([...followers, await later].map((message) => text(message)));
    expect([texts, site.renders]).toEqual([Array(3).fill("first, second"), 1]);
    expect((await site.visit("/")).isHit).toBe(true);
  });

  it("by a reset goes on for those who read along", async () => {
    const release = barrier();
    const site = await openSite(adapter, {
      handler: ({ req, res }) => ({
        headers: PLAIN,
        body: Readable.from(pieces(NOTICING[0]!, req, res, release.opened)),
      }),
    });
    const leader = await site.begin("/");
    const follower = await site.begin("/");
    leader.on("error", () => {});
    leader.socket.resetAndDestroy();
    await site.departures.reaches(1);
    release.open();
    expect([await text(follower), (await site.visit("/")).isHit, site.renders]).toEqual(["first, second", true, 1]);
  });

  it.skipIf(adapter.web)(
    "listens only once the connection has ended, and stops, has no one served less than the page",
    async () => {
      let listenLate = (): void => {};
      const site = await openSite(adapter, {
        handler: ({ req }) => {
          if (site.renders > 1) return { headers: PLAIN, body: "first, second" };
          const body = new Readable({ read() {} });
          body.push("first, ");
          listenLate = () => void req.socket.once("close", () => body.push(null));
          return { headers: PLAIN, body };
        },
      });
      site.onRequest(({ socket }) => void socket.on("end", () => listenLate()));
      const client = await site.begin("/");
      await once(client, "data");
      client.on("error", () => {}).destroy();
      await site.departures.reaches(1);
      expect((await site.visit("/")).text).toBe("first, second");
    },
  );

  it("learns of it at once where its response cannot be kept", async () => {
    const learned = barrier();
    const site = await openSite(adapter, {
      handler: ({ req, res }) => {
        const body = new Readable({ read() {} });
        body.push("first, ");
        req.on("aborted", learned.open);
        res.on("close", learned.open);
        return { headers: { ...PLAIN, "Cache-Control": "no-store" }, body };
      },
    });
    const client = await site.begin("/");
    await once(client, "data");
    client.on("error", () => {}).destroy();
    await learned.opened;
    expect((await site.cache.stats()).stored).toBe(0);
  });

  it("and who never answers holds up others for a second at most", async () => {
    const site = await openSite(adapter, {
      handler: () => (site.renders === 1 ? new Promise(() => {}) : { headers: PLAIN, body: "the page" }),
    });
    const controller = new AbortController();
    const left = fetch(site.origin, { signal: controller.signal }).catch(() => "left");
    await site.arrivals.reaches(1);
    controller.abort();
    expect(await left).toBe("left");
    await site.departures.reaches(1);
    expect((await site.visit("/")).text).toBe("the page");
    expect(site.renders).toBe(2);
  });

  it("and begins only then, and never ends, has others wait for another render, and gives them nothing of its own", async () => {
    const render = barrier();
    const site = await openSite(adapter, {
      handler: async () => {
        if (site.renders > 1) return { headers: PLAIN, body: "the page" };
        await render.opened;
        const body = new Readable({ read() {} });
        body.push("first, ");
        return { headers: PLAIN, body };
      },
    });
    const controller = new AbortController();
    const left = fetch(site.origin, { signal: controller.signal }).catch(() => "left");
    await site.arrivals.reaches(1);
    const waiting = site.visit("/");
    await site.waiting(1);
    controller.abort();
    await site.departures.reaches(1);
    const later = site.visit("/");
    await site.waiting(2);
    render.open();
    const [one, other] = await Promise.all([waiting, later]);
    expect([one.text, other.text, await left, site.renders]).toEqual(["the page", "the page", "left", 2]);
  });

  it.skipIf(adapter.web)("and who is told when the page is over hears close, as without a cache", async () => {
    const heard: string[] = [];
    const closed = barrier();
    const release = barrier();
    const site = await openSite(adapter, {
      handler: ({ req, res }) => {
        req.on("aborted", () => heard.push("aborted"));
        res.on("close", () => {
          heard.push(`close, destroyed: ${res.destroyed}`);
          closed.open();
        });
        return { headers: PLAIN, body: Readable.from(pieces({ way: "never" }, req, res, release.opened)) };
      },
    });
    const client = await site.begin("/");
    await once(client, "data");
    client.on("error", () => {}).destroy();
    await site.departures.reaches(1);
    expect(heard).toEqual([]);
    release.open();
    await closed.opened;
    expect(heard).toEqual(["aborted", "close, destroyed: true"]);
  });
});

describe.each(EVERY_TAPPED)("$name: a handler that stops when what it has written fails to leave", (adapter) => {
  it("has no one served less than the page", async () => {
    const first = "first, ".repeat(1_000_000);
    const site = await openRawSite(adapter, (_req, res) => {
      if (site.renders > 1) return res.end(`${first}second`);
      return res.write(first, (error) => res.end(error ? undefined : "second"));
    });
    const leader = await site.begin("/");
    leader.on("error", () => {});
    const follower = site.visit("/");
    await site.arrivals.reaches(2);
    leader.socket.resetAndDestroy();
    await site.departures.reaches(1);
    for (const answer of [await follower, await site.visit("/")]) expect(answer.text).toBe(`${first}second`);
  });
});

describe.each(EVERY_TAPPED)(
  "$name: a handler that has sent its head, and never goes on when its client has left",
  (adapter) => {
    it("has those that have had nothing of it served by another render", async () => {
      const site = await openRawSite(adapter, (_req, res) => {
        if (site.renders > 1) res.end("the page");
        else res.writeHead(200, PLAIN).flushHeaders();
      });
      const leader = await site.begin("/");
      const follower = site.visit("/");
      await site.arrivals.reaches(2);
      leader.on("error", () => {}).destroy();
      await site.departures.reaches(1);
      expect([(await follower).text, site.renders]).toEqual(["the page", 2]);
    });
  },
);
