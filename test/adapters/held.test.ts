/** The response to a request that has changed something, where machines share purges: it waits for them. */
import { Readable } from "node:stream";
import { finished } from "node:stream/promises";
import { describe, expect, it } from "vitest";
import type { Appended, EngineConnection, Tier } from "@diskcache/core";
import { barrier } from "../support/barrier.js";
import { EVERY_ADAPTER } from "./adapters.js";
import { openSite } from "./site.js";

const STAND = { number: 1, mark: "000000000001" };

/** An engine with one other machine, which takes a record over when it is let. */
function engine() {
  const asked = barrier();
  const taken = barrier();
  const machines = new Map([["other", "1:token"]]);
  const appended: Appended = { first: 2, last: 2, machines, missing: false, run: "run", steady: "run" };
  const connection: EngineConnection = {
    beat: () => new Promise(() => undefined),
    sleep: () => new Promise(() => undefined),
    append: async () => {
      asked.open();
      return appended;
    },
    confirm: async () => {
      await taken.opened;
      return { run: "run", there: true, machines: new Map([["other", "2:token"]]) };
    },
    giveUp: async () => undefined,
    found: async () => undefined,
    last: async () => STAND,
    records: async () => [],
    leave: async () => undefined,
    close: () => undefined,
  };
  // The lease is long, and what is stored is answered without contact: only purges are of interest.
  const tier: Tier = { settings: { lease: "1h", whenCutOff: "serve" }, connect: async () => connection };
  return { asked, taken, tier };
}

describe.each(EVERY_ADAPTER)("$name: where machines share purges", (adapter) => {
  it("holds the response to a change back until no machine answers with what was", async () => {
    const { asked, taken, tier } = engine();
    const order: string[] = [];
    const site = await openSite(adapter, {
      options: { ttl: "1h", tier },
      handler: ({ req }) => ({ status: req.method === "GET" ? 200 : 201, body: `render ${site.renders}` }),
    });
    await site.visit("/article");
    const answered = site.visit("/article", { method: "POST" }).then((answer) => {
      order.push("answered");
      return answer;
    });
    await asked.opened;
    order.push("asked");
    expect((await site.visit("/other")).text).toBe("render 3");
    order.push("taken");
    taken.open();
    expect(await answered).toMatchObject({ status: 201, text: "render 2" });
    expect(order).toEqual(["asked", "taken", "answered"]);
    expect((await site.visit("/article")).text).toBe("render 4");
    expect(site.errors).toEqual([]);
  });

  it("lets it go after a second, and says so", async () => {
    const { taken, tier } = engine();
    const site = await openSite(adapter, { options: { ttl: "1h", tier } });
    expect((await site.visit("/article", { method: "POST" })).status).toBe(200);
    expect(site.errors).toMatchObject([{ code: "ERR_DISKCACHE_PURGE" }]);
    taken.open();
  });

  it("holds nothing where nothing has changed", async () => {
    const { tier } = engine();
    const site = await openSite(adapter, {
      options: { ttl: "1h", tier },
      handler: ({ req }) => ({ status: req.method === "GET" ? 200 : 400, body: "as it was" }),
    });
    expect((await site.visit("/article")).text).toBe("as it was");
    expect((await site.visit("/article", { method: "POST" })).status).toBe(400);
    expect(site.errors).toEqual([]);
  });
});

// Koa sends a body in a later turn, and listens to it only then.
describe.each(EVERY_ADAPTER.filter(({ name }) => name.startsWith("koa")))(
  "$name: a response that is held",
  (adapter) => {
    it("is an error where its body fails meanwhile, and the process goes on", async () => {
      const { asked, taken, tier } = engine();
      const body = new Readable({ read() {} });
      const site = await openSite(adapter, {
        options: { ttl: "1h", tier },
        handler: ({ req }) => ({ body: req.method === "GET" ? "page" : body }),
      });
      const answered = site.visit("/article", { method: "POST" });
      await asked.opened;
      body.destroy(new Error("the body fails"));
      await finished(body).catch(() => undefined);
      taken.open();
      expect((await answered).status).toBe(500);
      expect((await site.visit("/other")).text).toBe("page");
    });
  },
);
