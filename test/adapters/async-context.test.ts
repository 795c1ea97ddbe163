/** Whose asynchronous context what runs in: a client's is for what its own request does, and for nothing that the cache
 * does by itself. */
import { AsyncLocalStorage } from "node:async_hooks";
import type { ServerResponse } from "node:http";
import type { CacheEvents } from "@diskcache/core";
import { describe, expect, it, onTestFinished } from "vitest";
import { written } from "../security/crafted.js";
import { barrier } from "../support/barrier.js";
import { ManualClock } from "../support/manual-clock.js";
import { temporaryDirectory } from "../support/temporary-directory.js";
import { WITH_NEST } from "./adapters.js";
import type { Adapter, Page } from "./adapters.js";
import { serveSite } from "./site.js";
import type { Site } from "./site.js";

interface Setting {
  readonly options?: object;
  readonly front?: boolean;
  /** Told of every response when it comes, in the context of its request. */
  readonly onRequest?: (res: ServerResponse, user: string | undefined) => void;
  readonly page?: (user: string | undefined) => Page | Promise<Page>;
}

describe.each(WITH_NEST)("$name: in an asynchronous context of its client's,", (adapter: Adapter) => {
  const users = new AsyncLocalStorage<string>();
  const rendered: (string | undefined)[] = [];

  async function open({ options = {}, front = false, onRequest, page }: Setting = {}): Promise<Site> {
    rendered.length = 0;
    const clock = new ManualClock();
    const dir = temporaryDirectory();
    const { cache, listen } = adapter.create({ dir, clock, cookies: { ignore: ["user"] }, ...options });
    const inner = listen({
      handler: () => {
        const user = users.getStore();
        rendered.push(user);
        return page?.(user) ?? { headers: { "Content-Type": "text/plain" }, body: `hello ${user}` };
      },
    });
    const listener = front ? cache.front(inner) : inner;
    const site = await serveSite(cache, clock, dir, (req, res) => {
      const user = req.headers.cookie?.split("=")[1];
      const answer = (): void => {
        onRequest?.(res, user);
        listener(req, res);
      };
      if (user === undefined) answer();
      else users.run(user, answer);
    });
    onTestFinished(() => site.close());
    return site;
  }

  function by(user: string) {
    return { headers: { cookie: `user=${user}`, host: "www.example.com" } };
  }

  const anybody = { headers: { host: "www.example.com" } };

  async function rendersReach(count: number): Promise<void> {
    while (rendered.length < count) await new Promise(setImmediate);
  }

  it.each([
    { how: "behind a stale page", options: { ttl: "1s", staleWhileRevalidate: "10m" }, seconds: [0, 5] },
    {
      how: "in front of the framework",
      options: { ttl: "1s", staleWhileRevalidate: "10m" },
      front: true,
      seconds: [5],
    },
    { how: "before its time is up", options: { ttl: "100s", refreshAhead: 1 }, seconds: [1, 99 - 1e-6] },
  ])("the cache's own rendering $how is nobody's", async ({ options, front = false, seconds }) => {
    const site = await open({ options, front });
    await site.visit("/", anybody);
    // Until then the lock of the page is held, and nothing refreshes it.
    await written(site.cache);
    for (const after of seconds) {
      site.clock.advance(after);
      await site.visit("/", by("alice"));
    }
    await rendersReach(2);
    expect(rendered).toEqual([undefined, undefined]);
    expect((await site.visit("/", anybody)).text).toBe("hello undefined");
  });

  it("pages that somebody has rendered are nobody's", async () => {
    const site = await open({ options: { ttl: "1m" } });
    await site.visit("/other", anybody);
    await users.run("alice", () => site.cache.warm(["/warmed"]));
    await users.run("alice", () => site.cache.refresh("/refreshed"));
    expect(rendered).toEqual([undefined, undefined, undefined]);
  });

  it("those who wait for another one's page are told of their answers in their own", async () => {
    const told: Record<string, (string | undefined)[]> = {};
    const { opened, open: release } = barrier();
    const big = Buffer.alloc(200_000, "a");
    const site = await open({
      options: { ttl: "1m" },
      onRequest: (res, user) => {
        const seen = (told[user!] = [] as (string | undefined)[]);
        res.on("finish", () => seen.push(users.getStore()));
        const { writeHead } = res;
        res.writeHead = function (this: ServerResponse, ...given: never[]) {
          seen.push(users.getStore());
          return Reflect.apply(writeHead, this, given) as ServerResponse;
        };
      },
      page: async () => {
        await opened;
        return { headers: { "Content-Type": "text/plain" }, body: big };
      },
    });
    const first = site.visit("/", by("alice"));
    await rendersReach(1);
    const others = [site.visit("/", by("bob")), site.visit("/", by("carol"))];
    await site.waiting(2);
    release();
    await Promise.all([first, ...others]);
    await site.visit("/", by("dave"));
    for (const user of ["alice", "bob", "carol", "dave"]) {
      while (told[user]!.length < 2) await new Promise(setImmediate);
      expect(told[user]).toEqual([user, user]);
    }
  });

  it("events of a request are told in its own, and what the cache does later in nobody's", async () => {
    const site = await open({ options: { ttl: "1s", staleWhileRevalidate: "10m" } });
    const heard: [string, string | undefined][] = [];
    const names: (keyof CacheEvents)[] = ["hit", "forward", "stored", "not-stored", "collapsed"];
    for (const name of names) site.cache.on(name, () => heard.push([name, users.getStore()]));
    await site.visit("/", by("alice"));
    site.clock.advance(5);
    await site.visit("/", by("bob"));
    await rendersReach(2);
    while (heard.length < 5) await new Promise(setImmediate);
    expect(heard).toEqual([
      ["forward", "alice"],
      ["stored", "alice"],
      ["hit", "bob"],
      ["forward", undefined],
      ["stored", undefined],
    ]);
  });
});
