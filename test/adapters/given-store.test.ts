/** A page cache on a store of the application's own, through every adapter: what a client sees is what it sees over a
 * directory, and a store that fails is never in the way. */
import { PassThrough } from "node:stream";
import { buffer } from "node:stream/consumers";
import type { OpenStore, Store } from "@diskcache/core";
import { describe, expect, it } from "vitest";
import { memoryStore } from "../store/memory-store.js";
import { ADAPTERS } from "./adapters.js";
import { openSite } from "./site.js";

describe.each(ADAPTERS)("$name: a page cache on a store of its own", (adapter) => {
  it("answers the second request from it, and another cache on the same store the third", async () => {
    const store = memoryStore();
    const site = await openSite(adapter, { store });
    const headers = { host: "site.example" };
    expect((await site.visit("/a", { headers })).keptStatus).toBe("diskcache; fwd=uri-miss; stored");
    site.clock.advance(20);
    const hit = await site.visit("/a", { headers });
    expect([hit.text, hit.isHit, hit.header("age")]).toEqual(["render 1", true, "20"]);
    const other = await openSite(adapter, { store });
    other.clock.advance(20);
    expect((await other.visit("/a", { headers })).text).toBe("render 1");
    expect([(await site.cache.stats()).entries, other.renders]).toEqual([1, 0]);
  });

  it("forgets a page when its lifetime is over", async () => {
    const site = await openSite(adapter, { store: memoryStore(), options: { ttl: 60, keep: 0 } });
    await site.visit("/");
    site.clock.advance(61);
    expect((await site.visit("/")).text).toBe("render 2");
  });

  it("selects by Vary", async () => {
    const site = await openSite(adapter, {
      store: memoryStore(),
      handler: ({ req }) => ({ headers: { Vary: "Accept-Language" }, body: `${req.headers["accept-language"]}` }),
    });
    const said: string[] = [];
    for (const language of ["de", "en", "de", "en"])
      said.push((await site.visit("/", { headers: { "accept-language": language } })).text);
    expect([said, site.renders]).toEqual([["de", "en", "de", "en"], 2]);
  });

  it("purges more than a pattern names, and never less: every page of its host", async () => {
    const site = await openSite(adapter, { store: memoryStore(), options: { ttl: 60 } });
    for (const target of ["/a/b", "/c"]) await site.visit(target);
    const purge = (path: string) => site.cache.purge({ path }, { count: true });
    expect(await purge("https://elsewhere.example/a/**")).toEqual({ named: 0 });
    expect((await site.visit("/a/b")).isHit).toBe(true);
    expect(await purge("/a/**")).toEqual({ named: 2 });
    for (const target of ["/a/b", "/c"]) expect((await site.visit(target)).isHit).toBe(false);
  });

  it("purges also when it cannot be counted, and says so", async () => {
    const open = memoryStore();
    const heads = (): never => {
      throw new Error("no list");
    };
    const store: OpenStore = (owner) => Object.assign(open(owner), { heads });
    const site = await openSite(adapter, { store, options: { ttl: 60 } });
    await site.visit("/");
    await expect(site.cache.purge("/", { count: true })).rejects.toMatchObject({ code: "ERR_DISKCACHE_STORE_IO" });
    expect((await site.visit("/")).isHit).toBe(false);
  });

  it("purges by URL and by tag, for every cache on the store, hard and soft", async () => {
    const store = memoryStore();
    const options = { ttl: 60, staleWhileRevalidate: 60, tags: ["news"] };
    const site = await openSite(adapter, { store, options });
    const other = await openSite(adapter, { store, options });
    const headers = { host: "site.example" };
    const text = async () => (await site.visit("/", { headers })).text;
    await text();
    await other.cache.purge("/");
    expect(await text()).toBe("render 2");
    await other.cache.purge({ tag: "news" });
    expect(await text()).toBe("render 3");
    await other.cache.purge({ tag: "news", soft: true });
    expect((await site.visit("/", { headers })).cacheStatus).toBe("diskcache; hit; ttl=0");
    await other.cache.clear();
    expect((await site.visit("/", { headers })).isHit).toBe(false);
  });

  it("lets others read a stream along, and stores it when it is whole", async () => {
    const body = new PassThrough();
    const site = await openSite(adapter, {
      store: memoryStore(),
      handler: () => ({ headers: { "Content-Type": "text/plain" }, body }),
    });
    body.write("abc");
    const leader = await site.begin("/");
    const follower = await site.begin("/");
    const texts = Promise.all([buffer(leader), buffer(follower)]);
    for (let n = 0; n < 50; n++) body.write(Buffer.alloc(5000, n));
    body.end();
    const [one, other] = await texts;
    expect([one.length, one.equals(other), site.renders]).toEqual([250_003, true, 1]);
    const hit = await site.visit("/");
    expect([hit.isHit, hit.body.equals(one)]).toEqual([true, true]);
    const part = await site.visit("/", { headers: { range: "bytes=3-5002" } });
    expect([part.status, part.body.equals(Buffer.alloc(5000, 0))]).toEqual([206, true]);
  });

  it("answers HEAD and conditions from it", async () => {
    const site = await openSite(adapter, {
      store: memoryStore(),
      handler: () => ({ headers: { ETag: '"one"' }, body: "page" }),
    });
    await site.visit("/");
    const head = await site.visit("/", { method: "HEAD" });
    expect([head.isHit, head.header("content-length"), head.text]).toEqual([true, "4", ""]);
    expect((await site.visit("/", { headers: { "if-none-match": '"one"' } })).status).toBe(304);
    expect(site.renders).toBe(1);
  });

  it("closes it, forwards from then on and refuses purges", async () => {
    const site = await openSite(adapter, { store: memoryStore() });
    await site.visit("/");
    await site.cache.close();
    expect((await site.visit("/")).text).toBe("render 2");
    await expect(site.cache.purge("/")).rejects.toMatchObject({ code: "ERR_DISKCACHE_CLOSED" });
  });

  it.each([1000, 300_000])("forwards, and says why, where every call of the store fails (%i bytes)", async (bytes) => {
    const site = await openSite(adapter, {
      store: failing(memoryStore()),
      handler: () => ({ body: Buffer.alloc(bytes, "p") }),
    });
    for (let n = 0; n < 2; n++) {
      const answer = await site.visit("/");
      expect([answer.status, answer.body.length, answer.isHit]).toEqual([200, bytes, false]);
    }
    expect(new Set(site.errors.map(({ code }) => code))).toEqual(new Set(["ERR_DISKCACHE_STORE_IO"]));
    expect(site.errors[0]!.message).toMatch(/^\w+ in the given store: gone$/);
    await expect(site.cache.purge("/")).rejects.toMatchObject({ code: "ERR_DISKCACHE_PURGE" });
  });

  it("forwards where a writer of the store fails in the middle", async () => {
    const site = await openSite(adapter, {
      store: brokenWriters(memoryStore()),
      handler: () => ({ body: Buffer.alloc(300_000, "p") }),
    });
    for (let n = 0; n < 2; n++) {
      const answer = await site.visit("/");
      expect([answer.body.length, answer.isHit]).toEqual([300_000, false]);
    }
    expect(site.errors[0]).toMatchObject({ code: "ERR_DISKCACHE_STORE_IO", message: expect.stringContaining("gone") });
  });
});

/** A store whose methods all fail once it is open: those that answer with a promise reject, the others throw. */
function failing(open: OpenStore): OpenStore {
  return (owner) => {
    const store = open(owner);
    const later = new Set(["released", "written", "purge", "clear", "close"]);
    const handler: ProxyHandler<typeof store> = {
      get: (target, name: keyof typeof store) => {
        if (typeof target[name] !== "function") return target[name];
        return () => {
          const error = new Error("gone");
          if (later.has(name)) return Promise.reject(error);
          throw error;
        };
      },
    };
    return new Proxy(store, handler);
  };
}

function brokenWriters(open: OpenStore): OpenStore {
  return <Value>(owner: Parameters<typeof open<Value>>[0]): Store<Value> => {
    const store = open(owner);
    const create = store.create.bind(store);
    store.create = (key) => {
      const writer = create(key)!;
      let written = 0;
      const write = writer.write.bind(writer);
      writer.write = (chunk) => {
        written += chunk.length;
        if (written > 100_000) throw new Error("gone");
        return write(chunk);
      };
      return writer;
    };
    return store;
  };
}
