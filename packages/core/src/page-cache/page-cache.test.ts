import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, it, onTestFinished } from "vitest";
import "../../../../test/support/fixed-seed.js";
import { temporaryDirectory } from "../../../../test/support/temporary-directory.js";
import type { RequestHead } from "../base/exchange.js";
import type { DiskCacheOptions } from "../options/options.js";
import { PageCache } from "./page-cache.js";
import type { OutgoingResponse } from "../stored/outgoing.js";

const HOST = "www.example.com";
const PAGE = ["Content-Type", "text/html", "Cache-Control", "max-age=60"];

function openCache(options: Partial<DiskCacheOptions> = {}) {
  const dir = temporaryDirectory();
  const time = { now: 1_700_000_000_000 };
  const cache = new PageCache({ dir, minFree: 0, clock: { now: () => time.now }, ...options });
  onTestFinished(() => cache.close());
  return { cache, time };
}

function request(target: string, fields: readonly string[] = [], method = "GET"): RequestHead {
  const rawHeaders = fields.some((field, index) => index % 2 === 0 && field.toLowerCase() === "host")
    ? fields
    : ["Host", HOST, ...fields];
  const headers: Record<string, string> = {};
  rawHeaders.forEach((field, index) => {
    if (index % 2 === 0) headers[field.toLowerCase()] ??= rawHeaders[index + 1] ?? "";
  });
  return { method, target, scheme: "http", headers, rawHeaders };
}

async function store(
  cache: PageCache,
  asked: RequestHead,
  fields: readonly string[] = PAGE,
  body = `the page ${asked.target}`,
): Promise<void> {
  const outcome = await cache.handle(asked, undefined);
  if (outcome.kind !== "forward") throw new Error("it is stored already");
  outcome.head({ head: { status: 200, statusText: "", rawHeaders: fields }, before: [], body: undefined });
  outcome.write(Buffer.from(body));
  await outcome.end();
}

const ready = (cache: PageCache, { method, target, scheme, rawHeaders }: RequestHead) =>
  told(cache.ready(method, target, scheme, rawHeaders));

// The response belongs to the cache: what it says now is kept.
function told(response: OutgoingResponse | undefined) {
  const body = Buffer.isBuffer(response?.body) ? response.body.toString() : undefined;
  return response && { ...response, headers: [...response.headers], body };
}

describe("a hit at a glance", () => {
  it("is given from the first time a page is asked for plainly", async () => {
    const { cache, time } = openCache();
    expect(ready(cache, request("/a"))).toBeUndefined();
    await store(cache, request("/a"));
    const hit = told((await cache.handle(request("/a"), undefined)) as OutgoingResponse);
    expect(ready(cache, request("/a", ["Accept", "text/html", "User-Agent", "x"]))).toEqual(hit);
    time.now += 7000;
    expect(ready(cache, request("/a"))?.headers.slice(-4)).toEqual([
      "Age",
      "7",
      "Cache-Status",
      "diskcache; hit; ttl=53",
    ]);
    expect((await cache.stats()).hits).toBe(3);
  });

  it.each([
    { what: "another target", asked: request("/b") },
    { what: "another host", asked: request("/a", ["Host", "other.example.com"]) },
    { what: "two hosts", asked: request("/a", ["Host", HOST, "host", HOST]) },
    { what: "HEAD", asked: request("/a", [], "HEAD") },
    { what: "a cookie", asked: request("/a", ["cookie", "session=1"]) },
    { what: "credentials", asked: request("/a", ["AUTHORIZATION", "Basic eA=="]) },
    { what: "https", asked: { ...request("/a"), scheme: "https" } },
  ])("is not given to $what", async ({ asked }) => {
    const { cache } = openCache();
    await store(cache, request("/a"));
    await cache.handle(request("/a"), undefined);
    expect(ready(cache, request("/a"))).toBeDefined();
    expect(ready(cache, asked)).toBeUndefined();
  });

  it("ends with the page: stale, purged, purged softly, closed", async () => {
    const { cache, time } = openCache();
    const targets = ["/stale", "/purged", "/soft", "/closed"];
    for (const target of targets) {
      await store(cache, request(target));
      await cache.handle(request(target), undefined);
    }
    await cache.purge("/purged");
    await cache.purge({ url: "/soft", soft: true });
    for (const target of targets) await cache.handle(request(target), undefined);
    expect(targets.map((target) => ready(cache, request(target)) !== undefined)).toEqual([true, false, false, true]);
    time.now += 60_000;
    expect(ready(cache, request("/stale"))).toBeUndefined();
    time.now -= 60_000;
    expect(ready(cache, request("/closed"))).toBeDefined();
    await cache.close();
    expect(ready(cache, request("/closed"))).toBeUndefined();
  });

  it("is given behind a proxy, and to clients with cookies that are declared harmless", async () => {
    const { cache } = openCache({ cookies: { ignore: ["_ga"] } });
    const proxied = ["X-Forwarded-For", "192.0.2.7", "X-Forwarded-Proto", "https", "Cookie", "_ga=1"];
    const asked = request("/a", proxied);
    await store(cache, asked);
    const hit = told((await cache.handle(asked, undefined)) as OutgoingResponse);
    const other = ["X-Forwarded-For", "192.0.2.8", "X-Forwarded-Proto", "https", "Cookie", "_ga=2"];
    expect(ready(cache, request("/a", other))).toEqual(hit);
    const differing = [
      ["X-Forwarded-For", "192.0.2.8", "X-Forwarded-Proto", "http"],
      [...other, "X-Forwarded-Host", "evil.example"],
      ["X-Forwarded-For", "192.0.2.8", "X-Forwarded-Proto", "https", "Cookie", "_ga=2; session=ann"],
    ];
    for (const fields of differing) expect(ready(cache, request("/a", fields))).toBeUndefined();
  });

  it.each([
    { memory: "1mb", keyedCookies: ["lang"] },
    { memory: 0, keyedCookies: ["lang"] },
    { memory: "1mb", keyedCookies: [] },
  ])(
    "says what deciding says, or nothing, whatever a request carries, with $memory of memory and $keyedCookies in the key",
    async ({ memory, keyedCookies }) => {
      const { cache } = openCache({
        memory,
        honourRequest: true,
        debugHeader: "X-Cache",
        serverTiming: true,
        key: { headers: ["x-currency"], query: { ignore: ["utm"], sort: true } },
        cookies: { ignore: ["_ga"], key: keyedCookies },
        rules: [
          { path: "/never", never: true },
          { path: "/rules", key: { query: { ignore: ["utm", "d"] } } },
        ],
      });
      const targets = ["/a", "/b?c=d", "/rules?c=d"];
      const proxies = [[], ["X-Forwarded-Proto", "0"], ["X-Forwarded-Host", HOST, "X-Forwarded-Proto", "0"]];
      for (const target of targets) {
        for (const fields of proxies) {
          await store(cache, request(target, fields), PAGE, `${target} for ${fields.join()}`);
        }
      }
      const asked = fc.constantFrom(
        ...targets,
        "/b?utm=1&c=d",
        "/b?d=1&c=d",
        "/rules?d=1&c=d",
        "/never",
        "/a?",
        "//a",
        "/%61",
        `http://${HOST}/a`,
        "*",
        `/a?${"a".repeat(9000)}`,
      );
      const names =
        "host cookie authorization range if-range if-none-match if-modified-since if-match if-unmodified-since cache-control pragma " +
        "forwarded x-forwarded-host x-forwarded-proto x-forwarded-scheme x-http-method-override x-http-method x-method-override " +
        "x-original-url x-rewrite-url content-length transfer-encoding upgrade x-currency " +
        "accept user-agent x-forwarded-for accept-encoding accept-language referer connection";
      const name = fc.constantFrom(...names.split(" ")).chain((field) => fc.constantFrom(field, field.toUpperCase()));
      const value = fc.constantFrom(
        "",
        "0",
        "5",
        HOST,
        "_ga=1",
        "lang=de",
        "no-cache",
        "max-age=0",
        "bytes=0-1",
        '"v1"',
      );
      const fields = fc.array(fc.tuple(name, value), { maxLength: 4 }).map((lines) => lines.flat());
      const method = fc.constantFrom("GET", "HEAD", "POST");
      await fc.assert(
        fc.asyncProperty(asked, fields, method, async (target, lines, by) => {
          const head = request(target, lines, by);
          const glance = ready(cache, head);
          if (glance === undefined) return;
          const outcome = await cache.handle(head, undefined);
          expect(outcome.kind).toBe("hit");
          expect(glance).toEqual(told(outcome as OutgoingResponse));
        }),
        { numRuns: 1000 },
      );
      const plain = [...targets, "/b?utm=1&c=d", "/rules?d=1&c=d"];
      expect(plain.map((target) => ready(cache, request(target)) !== undefined)).toEqual(plain.map(() => true));
    },
  );

  it("says what deciding says, or nothing, for every field that the code of the core has a name for", async () => {
    const { cache } = openCache({
      honourRequest: true,
      key: { headers: ["x-currency"] },
      cookies: { ignore: ["_ga"] },
    });
    await store(cache, request("/a"));
    const names = await namesInSources();
    expect(names).toEqual(expect.arrayContaining(["authorization", "cf-visitor", "x-http-method-override"]));
    for (const name of names)
      for (const value of ["", "0", "a=1", "no-cache", "https"]) {
        const head = request("/a", [name, value]);
        const fast = ready(cache, head);
        if (fast === undefined) continue;
        const outcome = await cache.handle(head, undefined);
        expect([name, value, outcome.kind]).toEqual([name, value, "hit"]);
        expect(fast).toEqual(told(outcome as OutgoingResponse));
      }
  });

  it("is given for hosts that are named and paths that are not left alone, in a cache that is not switched off", async () => {
    const dir = temporaryDirectory();
    const { cache } = openCache({ dir });
    const elsewhere = request("/a", ["Host", "other.example.com"]);
    for (const asked of [request("/a"), elsewhere]) await store(cache, asked);
    const { cache: named } = openCache({ dir, hosts: [HOST] });
    const { cache: off } = openCache({ dir, enabled: false });
    const { cache: never } = openCache({ dir, rules: [{ path: "/a", never: true }] });
    await cache.close();
    expect(ready(named, request("/a"))).toBeDefined();
    expect(ready(named, elsewhere)).toBeUndefined();
    expect(ready(off, request("/a"))).toBeUndefined();
    expect(ready(never, request("/a"))).toBeUndefined();
  });

  it("is given again once a page has stopped to vary", async () => {
    const { cache } = openCache();
    const german = ["Accept-Language", "de"];
    await store(cache, request("/a", german), [...PAGE, "Vary", "Accept-Language"]);
    expect(ready(cache, request("/a", german))).toBeUndefined();
    await cache.purge("/a");
    await store(cache, request("/a", german));
    expect((await cache.handle(request("/a"), undefined)).kind).toBe("hit");
    expect(ready(cache, request("/a"))).toBeDefined();
  });

  it("that found nothing keeps nobody from what another process stores meanwhile", async () => {
    const dir = temporaryDirectory();
    const { cache } = openCache({ dir });
    const { cache: other } = openCache({ dir });
    const asked = request("/a");
    expect(ready(cache, asked)).toBeUndefined();
    await store(other, request("/a"));
    await other.close();
    expect((await cache.handle(asked, undefined)).kind).toBe("hit");
  });

  it("asks for the fields that a rule for its path puts into the key", async () => {
    const { cache } = openCache({ rules: [{ path: "/keyed", key: { headers: ["x-currency"] } }] });
    for (const target of ["/keyed", "/plain"]) {
      await store(cache, request(target));
      await cache.handle(request(target), undefined);
    }
    const asked = (target: string) => ready(cache, request(target, ["x-currency", "EUR"])) !== undefined;
    expect([asked("/keyed"), asked("/plain")]).toEqual([false, true]);
  });

  it("is given in the coding that deciding would give it in, or not at all", async () => {
    const { cache } = openCache({ compress: ["br", "gzip"] });
    await store(cache, request("/a"), PAGE, `the page ${"is long. ".repeat(200)}`);
    const ask = (fields: readonly string[]) => request("/a", fields);
    const coded = (coding: string) =>
      new Promise<void>((resolve) => cache.on("compressed", (made) => made.coding === coding && resolve()));
    for (const coding of ["br", "gzip"]) {
      const made = coded(coding);
      await cache.handle(ask(["Accept-Encoding", coding]), undefined);
      await made;
    }
    const fields = [
      [],
      ["Accept-Encoding", "br"],
      ["accept-encoding", "gzip"],
      ["Accept-Encoding", "gzip, deflate, br"],
      ["Accept-Encoding", "identity"],
      ["Accept-Encoding", "br", "Cache-Control", "no-transform"],
    ];
    const seen: [coding: string | undefined, atAGlance: boolean][] = [];
    for (const given of fields) {
      const decided = told((await cache.handle(ask(given), undefined)) as OutgoingResponse)!;
      const glance = ready(cache, ask(given));
      if (glance !== undefined) expect(glance).toEqual(decided);
      const { headers } = decided;
      const at = headers.indexOf("Content-Encoding");
      seen.push([at < 0 ? undefined : headers[at + 1], glance !== undefined]);
    }
    expect(seen).toEqual([
      [undefined, true],
      ["br", true],
      ["gzip", true],
      ["br", true],
      [undefined, true],
      [undefined, false],
    ]);
    expect((await cache.stats()).codedHits).toBe(6);
  });

  it.each([
    { where: "everywhere", options: { skip: () => false } },
    { where: "under a rule", options: { rules: [{ path: "/a", skip: () => false }] } },
  ])("is never given where the application's own functions have a say: $where", async ({ options }) => {
    const { cache } = openCache(options);
    await store(cache, request("/a"));
    await cache.handle(request("/a"), undefined);
    expect(ready(cache, request("/a"))).toBeUndefined();
  });
});

/** Whatever stands in the core's code as a text of its own and could be the name of a request field. */
async function namesInSources(): Promise<readonly string[]> {
  const names = new Set<string>();
  const sources = join(import.meta.dirname, "..");
  for (const file of await readdir(sources, { recursive: true })) {
    if (!file.endsWith(".ts") || file.endsWith(".test.ts")) continue;
    const text = await readFile(join(sources, file), "utf8");
    for (const [, quoted = ""] of text.matchAll(/["'`]([^"'`\n]+)["'`]/g))
      for (const word of quoted.split(" "))
        if (/^[a-z][a-z0-9]*(?:-[a-z0-9]+)*$/.test(word)) names.add(word).add(`x-${word}`);
  }
  return [...names];
}
