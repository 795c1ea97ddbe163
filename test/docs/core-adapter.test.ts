/** The adapter in the README of @diskcache/core does what an adapter has to do: it is taken out of the page and
 * used. */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import type { HandlerDirectives, PageCache, PageCacheOptions } from "@diskcache/core";
import ts from "typescript-api";
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from "vitest";
import { barrier } from "../support/barrier.js";
import { ManualClock } from "../support/manual-clock.js";
import { temporaryDirectory } from "../support/temporary-directory.js";
import { codeBlocks } from "./code-blocks.js";

type Application = (request: Request) => Promise<Response>;
type Handler = (request: Request, directives: HandlerDirectives) => Promise<Response>;
type Outside = (headers: Headers, request: Request) => void;
type DiskCache = (
  options: PageCacheOptions<Request>,
  outside?: Outside,
) => ((handler: Handler) => Application) & { readonly cache: PageCache<Request> };

const root = fileURLToPath(new URL("../..", import.meta.url));
const caches = join(root, "test", ".cache");
mkdirSync(caches, { recursive: true });
const folder = mkdtempSync(join(caches, "core-adapter-"));
afterAll(() => rmSync(folder, { recursive: true }));

let diskCache: DiskCache;
beforeAll(async () => {
  const readme = readFileSync(join(root, "packages/core/README.md"), "utf8");
  const block = codeBlocks("README.md", readme).find(({ code }) => code.includes("export function diskCache"));
  const [adapter = ""] = block!.code.split("\n// Used:");
  const compilerOptions = { module: ts.ModuleKind.ESNext, target: ts.ScriptTarget.ES2022 };
  const file = join(folder, "adapter.mjs");
  writeFileSync(file, ts.transpileModule(adapter, { compilerOptions }).outputText);
  ({ diskCache } = (await import(pathToFileURL(file).href)) as { readonly diskCache: DiskCache });
});

function site(handler: Handler, options: Partial<PageCacheOptions<Request>> = {}, outside?: Outside) {
  const clock = new ManualClock();
  const all = { dir: temporaryDirectory(), ttl: 60, clock, ...options } as PageCacheOptions<Request>;
  const cached = diskCache(all, outside);
  onTestFinished(() => cached.cache.close());
  let renders = 0;
  const application = cached(async (request, directives) => {
    renders++;
    return handler(request, directives);
  });
  const visit = (path = "/", init: RequestInit = {}) => application(new Request(`http://example.com${path}`, init));
  return { visit, clock, cache: cached.cache, renders: () => renders };
}

/** A body that the test writes. */
function written() {
  const { readable, writable } = new TransformStream<Uint8Array, Uint8Array>(
    {},
    { highWaterMark: 1e6 },
    { highWaterMark: 1e6 },
  );
  const writer = writable.getWriter();
  return { readable, write: (text: string) => writer.write(Buffer.from(text)), end: () => writer.close(), writer };
}

const status = (response: Response) => response.headers.get("cache-status") ?? "";

describe("the adapter in the README", () => {
  it("answers from the cache what is stored, its HEAD, conditions and ranges, until it is purged", async () => {
    const { visit, cache, renders } = site(async () => new Response("0123456789", { headers: { ETag: '"a"' } }));
    expect(await (await visit()).text()).toBe("0123456789");
    const hit = await visit();
    expect([await hit.text(), status(hit)]).toEqual(["0123456789", "diskcache; hit; ttl=60"]);
    const head = await visit("/", { method: "HEAD" });
    expect([head.headers.get("content-length"), await head.text(), status(head)]).toEqual([
      "10",
      "",
      "diskcache; hit; ttl=60",
    ]);
    expect((await visit("/", { headers: { "if-none-match": '"a"' } })).status).toBe(304);
    const part = await visit("/", { headers: { range: "bytes=2-4" } });
    expect([part.status, await part.text(), renders()]).toEqual([206, "234", 1]);
    await cache.purge("/");
    await (await visit()).text();
    expect(renders()).toBe(2);
  });

  it("answers a HEAD that is not stored, and a range of a page while it is made", async () => {
    const { visit } = site(async () => new Response("0123456789", { headers: { "Content-Length": "10" } }));
    const head = await visit("/", { method: "HEAD" });
    expect([head.status, await head.text()]).toEqual([200, ""]);
    const part = await visit("/", { headers: { range: "bytes=2-4" } });
    expect([part.status, await part.text()]).toEqual([206, "234"]);
    expect(status(await visit())).toMatch(/^diskcache; hit/);
  });

  it("lets others read a stream along from its first byte", async () => {
    const body = written();
    const { visit, renders } = site(async () => new Response(body.readable));
    const leader = await visit();
    const following = visit();
    await body.write("first ");
    const follower = await following;
    expect(status(follower)).toContain("; collapsed");
    const reader = follower.body!.getReader();
    expect(Buffer.from((await reader.read()).value).toString()).toBe("first ");
    await body.write("second");
    await body.end();
    expect(Buffer.from((await reader.read()).value).toString()).toBe("second");
    expect([await leader.text(), renders()]).toEqual(["first second", 1]);
    expect(await (await visit()).text()).toBe("first second");
  });

  it("shares and stores nothing to which code outside adds a cookie at the last moment", async () => {
    const { visit, renders } = site(
      async () => new Response("page"),
      {},
      (headers) => headers.append("Set-Cookie", "id=1"),
    );
    for (let n = 0; n < 2; n++) {
      const response = await visit();
      expect([await response.text(), status(response)]).toEqual(["page", expect.stringContaining("detail=set-cookie")]);
    }
    expect(renders()).toBe(2);
  });

  it("stores what was made for a client that leaves, while the handler does not know", async () => {
    const body = written();
    let signal: AbortSignal | undefined;
    const { visit } = site(async (request) => {
      signal = request.signal;
      return new Response(body.readable);
    });
    const leaving = new AbortController();
    const response = await visit("/", { signal: leaving.signal });
    await body.write("half ");
    leaving.abort();
    await response.body!.cancel();
    await body.write("and half");
    await body.end();
    await expect.poll(async () => status(await visit())).toMatch(/^diskcache; hit/);
    expect([signal!.aborted, await (await visit()).text()]).toEqual([false, "half and half"]);
  });

  it("tells the handler of a client that leaves where nothing is to be stored", async () => {
    const [asked, told] = [barrier(), barrier()];
    const { visit } = site(
      async (request) => {
        request.signal.addEventListener("abort", told.open);
        asked.open();
        await told.opened;
        throw new Error("aborted");
      },
      { skip: () => true },
    );
    const leaving = new AbortController();
    const answer = visit("/", { signal: leaving.signal });
    await asked.opened;
    leaving.abort();
    await expect(answer).rejects.toThrow("aborted");
  });

  it("breaks off what its handler breaks off, and stores nothing of it", async () => {
    let body = written();
    const { visit, renders } = site(async () => new Response(body.readable));
    const response = await visit();
    await body.write("half");
    await body.writer.abort(new Error("broken"));
    await expect(response.text()).rejects.toThrow();
    body = written();
    void body.write("whole").then(body.end);
    expect([await (await visit()).text(), renders()]).toEqual(["whole", 2]);
  });

  it("serves stale while it refreshes, and stale in the place of a failure", async () => {
    let fails = false;
    const options = { staleWhileRevalidate: 60, staleIfError: 600 };
    const { visit, clock, renders } = site(async () => {
      if (fails) throw new Error("down");
      return new Response(`render ${renders()}`);
    }, options);
    await (await visit()).text();
    clock.advance(70);
    expect(await (await visit()).text()).toBe("render 1");
    await expect.poll(async () => (await visit()).text()).toBe("render 2");
    fails = true;
    clock.advance(300);
    expect(await (await visit()).text()).toBe("render 2");
  });

  it("keys the content of a QUERY, which the handler still gets", async () => {
    const { visit, cache } = site(async (request) => new Response(`${await request.text()}!`), {
      methods: ["GET", "QUERY"],
    });
    for (const body of ["one", "two", "one"])
      expect(await (await visit("/", { method: "QUERY", body })).text()).toBe(`${body}!`);
    expect(await cache.stats()).toMatchObject({ hits: 1, forwards: 2 });
  });

  it("fills holes for each client", async () => {
    const { visit, cache, renders } = site(async (_, directives) => new Response(`Hello ${directives.hole("user")}!`));
    cache.hole("user", (request) => request.headers.get("x-user") ?? "");
    for (const user of ["Ada", "Bob"])
      expect(await (await visit("/", { headers: { "x-user": user } })).text()).toBe(`Hello ${user}!`);
    expect(renders()).toBe(1);
  });

  it("does not let others wait for a client that reads slowly", async () => {
    const pieces = 40;
    const { visit } = site(async () => {
      const bytes = Buffer.alloc(100_000, "p");
      return new Response(
        ReadableStream.from(
          (async function* () {
            for (let n = 0; n < pieces; n++) yield bytes;
          })(),
        ),
      );
    });
    const slow = await visit();
    const follower = await visit();
    expect((await follower.arrayBuffer()).byteLength).toBe(pieces * 100_000);
    expect((await slow.arrayBuffer()).byteLength).toBe(pieces * 100_000);
  });
});
