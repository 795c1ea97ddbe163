/** Whoever leaves in the middle, client or handler: a torn page is never kept, and a whole one is kept whoever left. */
import { once } from "node:events";
import { PassThrough } from "node:stream";
import { describe, expect, it } from "vitest";
import { barrier } from "../support/barrier.js";
import { EVERY_ADAPTER, EVERY_TAPPED } from "./adapters.js";
import { openRawSite, openSite } from "./site.js";

describe.each(EVERY_ADAPTER)("$name: a response that does not end as it should", (adapter) => {
  it("is not kept when its stream fails half way", async () => {
    let failing = true;
    const site = await openSite(adapter, {
      handler: () => {
        const body = new PassThrough().on("error", () => {}); // the application's own affair
        body.write("half ");
        setImmediate(() => (failing ? body.destroy(new Error("torn")) : body.end("whole")));
        return { headers: { "Content-Type": "text/plain" }, body };
      },
    });
    const message = await site.begin("/").catch(() => undefined);
    if (message !== undefined && !message.complete) {
      message.on("error", () => {}).resume();
      // Express pipes, and a pipe does not pass an error on: the client waits until it leaves.
      message.destroy();
    }
    failing = false;
    const second = await site.visit("/");
    expect([second.text, second.isHit]).toEqual(["half whole", false]);
    expect((await site.visit("/")).text).toBe("half whole");
  });

  it("is not kept when the handler throws before it answers", async () => {
    let failing = true;
    const site = await openSite(adapter, {
      handler: () => {
        if (failing) throw new Error("down");
        return { body: "up" };
      },
    });
    expect((await site.visit("/")).status).toBe(500);
    failing = false;
    const second = await site.visit("/");
    expect([second.status, second.text, second.isHit]).toEqual([200, "up", false]);
  });

  it("is kept when the client leaves before it begins and the handler goes on", async () => {
    const release = barrier();
    const begun = barrier();
    const site = await openSite(adapter, {
      handler: async () => {
        begun.open();
        await release.opened;
        return { headers: { "Content-Type": "text/plain" }, body: "made anyway" };
      },
    });
    const settled = new Promise((resolve) => {
      site.cache.on("stored", resolve);
      site.cache.on("not-stored", resolve);
    });
    const controller = new AbortController();
    const gone = fetch(`${site.origin}/`, { signal: controller.signal }).catch(() => "left");
    await begun.opened;
    controller.abort();
    expect(await gone).toBe("left");
    release.open();
    await settled;
    expect(await site.visit("/")).toMatchObject({ text: "made anyway", isHit: true });
  });
});

describe.each(EVERY_TAPPED)("$name: a handler with the response in its hands", (adapter) => {
  it("that goes on writing after its client has left fills the cache", async () => {
    const site = await openRawSite(adapter, async (_req, res) => {
      res.write("first half, ");
      await site.departures.reaches(1);
      res.end("second half");
    });
    const stored = new Promise((resolve) => site.cache.on("stored", resolve));
    const message = await site.begin("/");
    await once(message, "data");
    message.destroy();
    await stored;
    const hit = await site.visit("/");
    expect([hit.text, hit.isHit]).toEqual(["first half, second half", true]);
  });

  it("that piped a stream, whose client leaves, keeps the whole of it once it has ended", async () => {
    const source = new PassThrough();
    const site = await openRawSite(adapter, (_req, res) => {
      source.write("half ");
      source.pipe(res);
    });
    const stored = new Promise((resolve) => site.cache.on("stored", resolve));
    const message = await site.begin("/");
    await once(message, "data");
    message.destroy();
    await site.departures.reaches(1);
    source.end("whole");
    await stored;
    expect(await site.visit("/")).toMatchObject({ text: "half whole", isHit: true });
  });

  it("that piped a stream which fails after its client has left keeps nothing of it", async () => {
    const sources: PassThrough[] = [];
    const site = await openRawSite(adapter, (_req, res) => {
      const source = new PassThrough();
      sources.push(source);
      source.write("half ");
      source.pipe(res);
      if (sources.length > 1) source.end("whole");
    });
    const refused = new Promise((resolve) => site.cache.on("not-stored", resolve));
    const message = await site.begin("/");
    await once(message, "data");
    message.destroy();
    await site.departures.reaches(1);
    sources[0]!.destroy();
    expect(await refused).toMatchObject({ reason: "aborted" });
    expect((await site.visit("/")).text).toBe("half whole");
  });

  it("that destroys it half way keeps nothing, and the client is not told that it was whole", async () => {
    let failing = true;
    const site = await openRawSite(adapter, (_req, res) => {
      res.write("half ");
      if (failing) setImmediate(() => res.destroy());
      else res.end("whole");
    });
    await expect(site.visit("/")).rejects.toThrow();
    failing = false;
    const second = await site.visit("/");
    expect([second.text, second.isHit]).toEqual(["half whole", false]);
  });

  it("that throws after it has begun keeps nothing", async () => {
    let failing = true;
    const site = await openRawSite(adapter, (_req, res) => {
      res.write("half ");
      if (failing) throw new Error("torn");
      res.end("whole");
    });
    await expect(site.visit("/")).rejects.toThrow();
    failing = false;
    expect((await site.visit("/")).text).toBe("half whole");
  });

  it("that ends the connection after its head keeps nothing", async () => {
    const site = await openRawSite(adapter, (_req, res) => {
      res.writeHead(200, { "Content-Length": 4 });
      res.flushHeaders();
      res.socket!.destroy();
    });
    await expect(site.visit("/")).rejects.toThrow();
    expect((await site.cache.stats()).stored).toBe(0);
  });
});
