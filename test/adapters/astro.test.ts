/** The provider as Astro 7.3 calls it: `setHeaders` for a page that asks to be cached, cookies that wait on the
 * response, and two fields taken away before it is sent. */
import { describe, expect, it, onTestFinished } from "vitest";
import { diskCache, provider } from "@diskcache/fetch/astro";
import type { AstroCacheOptions } from "@diskcache/fetch/astro";
import { DiskCacheError } from "@diskcache/core";
import type { PageCacheOptions } from "@diskcache/core";
import { ManualClock } from "../support/manual-clock.js";
import { written } from "../security/crafted.js";
import { temporaryDirectory } from "../support/temporary-directory.js";

const COOKIES = Symbol.for("astro.cookies");

interface Page {
  readonly body: string;
  /** What it says by `Astro.cache.set()`. */
  readonly cache?: AstroCacheOptions;
  readonly cookies?: readonly string[];
}

function open(page: (request: Request, turn: number) => Page, options: Partial<PageCacheOptions<Request>> = {}) {
  const clock = new ManualClock();
  const pages = provider({ dir: temporaryDirectory(), clock, ...options } as PageCacheOptions<Request>);
  onTestFinished(() => pages.cache.close());
  let renders = 0;
  const visit = async (path: string, headers: Record<string, string> = {}) => {
    const request = new Request(`http://example.com${path}`, { headers });
    const response = await pages.onRequest({ request }, async () => {
      const { body, cache, cookies } = page(request, ++renders);
      const made = new Response(body, { headers: { "Content-Type": "text/html" } });
      if (cookies !== undefined) Reflect.set(made, COOKIES, { headers: () => cookies.values() });
      if (cache !== undefined)
        for (const [name, value] of pages.setHeaders(cache, request)) made.headers.set(name, value);
      return made;
    });
    for (const name of ["CDN-Cache-Control", "Cache-Tag"]) response.headers.delete(name);
    return { text: await response.text(), status: response.headers.get("cache-status"), response };
  };
  return { pages, clock, visit, renders: () => renders };
}

describe("Astro's cache provider", () => {
  it("stores the pages that ask for it, and says nothing of how", async () => {
    const { visit } = open((_, turn) => ({ body: `render ${turn}`, cache: { maxAge: 60, tags: ["a"], etag: '"x"' } }));
    await visit("/");
    const { text, status, response } = await visit("/");
    expect([text, status, response.headers.get("etag")]).toEqual(["render 1", "diskcache; hit; ttl=60", '"x"']);
    expect([...response.headers.keys()].filter((name) => /astro|tag$|cdn/.test(name))).toEqual(["etag"]);
  });

  it("stores no page that does not ask for it, whatever the options say", async () => {
    const { visit } = open((_, turn) => ({ body: `render ${turn}` }), { ttl: "1h" });
    for (const text of ["render 1", "render 2"])
      expect(await visit("/")).toMatchObject({ text, status: "diskcache; fwd=uri-miss; detail=not-asked" });
  });

  it("invalidates by tags and by path", async () => {
    const { visit, pages } = open(({ url }, turn) => ({
      body: `render ${turn}`,
      cache: { maxAge: 60, tags: url.endsWith("/a") ? ["one", "two"] : ["two"] },
    }));
    const both = async () => [(await visit("/a")).text, (await visit("/b")).text];
    expect(await both()).toEqual(["render 1", "render 2"]);
    await pages.invalidate({ tags: "one" });
    expect(await both()).toEqual(["render 3", "render 2"]);
    await pages.invalidate({ tags: ["two", "three"] });
    expect(await both()).toEqual(["render 4", "render 5"]);
    await pages.invalidate({ path: "/b" });
    expect(await both()).toEqual(["render 4", "render 6"]);
  });

  it("renders again behind a stale page, with nothing of the client's own", async () => {
    const seen: (string | null)[] = [];
    const { visit, clock, pages } = open(
      ({ headers }, turn) => {
        seen.push(headers.get("cookie"));
        return { body: `render ${turn}`, cache: { maxAge: 60, swr: 600 } };
      },
      { cookies: { ignore: ["_ga"] } },
    );
    await visit("/");
    await written(pages.cache);
    clock.advance(70);
    const stored = new Promise((resolve) => pages.cache.on("stored", resolve));
    expect((await visit("/", { cookie: "_ga=1" })).text).toBe("render 1");
    await stored;
    expect([(await visit("/")).text, seen]).toEqual(["render 2", [null, null]]);
  });

  it("stores no page that sets a cookie, which its client gets", async () => {
    const { visit, renders } = open(() => ({ body: "page", cache: { maxAge: 60 }, cookies: ["sid=1"] }));
    for (let n = 0; n < 2; n++) {
      const { status, response } = await visit("/");
      expect(status).toContain("detail=set-cookie");
      expect([...(Reflect.get(response, COOKIES) as { headers(): Iterable<string> }).headers()]).toEqual(["sid=1"]);
    }
    expect(renders()).toBe(2);
  });

  it("takes the client's conditions and ranges away from the page", async () => {
    const { visit } = open(({ headers }) => ({
      body: `${headers.get("range")} ${headers.get("if-none-match")}`,
      cache: { maxAge: 60 },
    }));
    expect((await visit("/", { range: "bytes=0-3", "if-none-match": '"x"' })).text).toBe("null");
    expect((await visit("/")).text).toBe("null null");
  });

  it("is configured by options that can be written into a build, and refuses wrong ones", () => {
    const { entrypoint, config } = diskCache({ dir: "pages", ttl: "5m" });
    expect([entrypoint, config]).toEqual(["@diskcache/fetch/astro", { dir: "pages", ttl: "5m" }]);
    expect(() => provider({ dir: "pages", tll: "5m" } as never)).toThrow(DiskCacheError);
  });
});
