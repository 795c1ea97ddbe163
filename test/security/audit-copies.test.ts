/** The audit where a framework copies every field of a request, so that nobody can see what is read of the copy: told
 * once, and enforced by keeping each page for requests that are alike in every field. */
import type { IncomingMessage } from "node:http";
import { Readable } from "node:stream";
import type { AuditFinding, DiskCacheOptions } from "@diskcache/core";
import { afterEach, describe, expect, it, vi } from "vitest";
import { EXPRESS_5, incoming, MESSAGES } from "../adapters/adapters.js";
import type { Adapter, Page } from "../adapters/adapters.js";
import { openSite } from "../adapters/site.js";

/** How frameworks that make a web `Request` come by its fields. */
const COPIES: Record<string, (req: IncomingMessage) => Headers> = {
  "entries into Headers": ({ headers }) => new Headers(Object.entries(headers) as [string, string][]),
  "the object into Headers": ({ headers }) => new Headers(headers as Record<string, string>),
  "a loop over the names": ({ headers }) => {
    const copy = new Headers();
    for (const name in headers) copy.append(name, String(headers[name]));
    return copy;
  },
  "a spread": ({ headers }) => new Headers({ ...headers } as Record<string, string>),
  "a clone": ({ headers }) => new Headers(structuredClone(headers) as Record<string, string>),
  "a loop over the raw lines": ({ rawHeaders }) => {
    const copy = new Headers();
    for (let at = 0; at < rawHeaders.length; at += 2) copy.append(rawHeaders[at]!, rawHeaders[at + 1]!);
    return copy;
  },
  "a slice of the raw lines": (req) => {
    const lines = req.rawHeaders.slice();
    return new Headers(lines.flatMap((name, at) => (at % 2 === 0 ? [[name, lines[at + 1]!] as [string, string]] : [])));
  },
};

const entries = COPIES["entries into Headers"]!;

afterEach(() => void vi.restoreAllMocks());

describe.each(MESSAGES)("$name: a handler that copies every field", (adapter) => {
  it.each(["warn", "enforce"] as const)("is told of once, however many URLs it has (%s)", async (audit) => {
    const { site, findings, warnings } = await open(adapter, { audit });
    for (const target of ["/a", "/b", "/c?x=1"]) expect((await site.visit(target)).isStored).toBe(true);
    expect(findings.map(({ kind, name, url }) => [kind, name, url])).toEqual([["header", "*", "/a"]]);
    expect(warnings).toHaveLength(1);
  });

  it.each(Object.keys(COPIES))(
    "by %s has its pages kept for requests alike in every field, where enforced",
    async (by) => {
      const { site } = await open(adapter, { audit: "enforce" }, COPIES[by]);
      const evil = await site.visit("/", { headers: { "x-theme": "evil" } });
      expect([evil.text, evil.isStored]).toEqual(["theme evil", true]);
      expect(evil.header("vary") ?? "").not.toContain(":");
      const plain = await site.visit("/");
      expect([plain.text, plain.isHit]).toEqual(["theme null", false]);
      const again = await site.visit("/", { headers: ["HOST", "a", "X-Theme", "evil"] });
      const alike = await site.visit("/", { headers: ["x-theme", "evil", "Host", "a"] });
      expect([again.text, alike.text, alike.isHit]).toEqual(["theme evil", "theme evil", true]);
      const hit = await site.visit("/");
      expect([hit.text, hit.isHit, hit.header("vary")]).toEqual(["theme null", true, plain.header("vary")]);
    },
  );

  it("has its pages shared by requests that differ in ignored fields, and in conditions", async () => {
    const ignore = ["X-Request-Id", "sec-*"];
    const { site, findings } = await open(adapter, { audit: { mode: "enforce", ignore } });
    const first = await site.visit("/", { headers: { "x-request-id": "1", "sec-fetch-site": "none" } });
    const etag = (await site.visit("/", { headers: { "x-request-id": "2" } })).header("etag")!;
    const second = await site.visit("/", { headers: { "x-request-id": "3", "if-none-match": etag } });
    expect([first.isStored, second.status, second.isHit]).toEqual([true, 304, true]);
    expect((await site.visit("/", { headers: { "x-request-id": "3", "x-theme": "a" } })).isHit).toBe(false);
    expect(findings[0]!.remedy).toContain("audit.ignore");
  });

  it("may read a field by its name that no page is made from, by the operator's word", async () => {
    const byName = (req: IncomingMessage) => new Headers([["x-theme", String(req.headers["x-forwarded-for"])]]);
    const audit = { mode: "enforce", ignore: ["x-forwarded-for"] } as const;
    const { site, findings } = await open(adapter, { audit }, byName);
    expect((await site.visit("/")).isStored).toBe(true);
    expect((await site.visit("/", { headers: { "x-forwarded-for": "1.2.3.4" } })).isHit).toBe(true);
    expect(findings).toEqual([]);
  });

  it("does not have a cookie that is ignored kept in a page", async () => {
    const { site } = await open(adapter, { audit: "enforce", cookies: { ignore: ["_ga"] } });
    const tracked = await site.visit("/", { headers: { cookie: "_ga=1" } });
    expect([tracked.isStored, tracked.cacheStatus]).toEqual([false, expect.stringContaining("detail=audit")]);
    expect((await site.visit("/")).isStored).toBe(true);
    expect((await site.visit("/", { headers: { cookie: "_ga=1" } })).isHit).toBe(true);
  });

  it("has its pages shared within a partition, and not beyond", async () => {
    const partition = (native: unknown) => incoming(native).headers["x-role"] as string | undefined;
    const { site } = await open(adapter, { audit: "enforce", partition, key: { headers: ["x-role"] } });
    const visit = (role: string, session: string) =>
      site.visit("/", { headers: { "x-role": role, cookie: `session=${session}`, authorization: session } });
    expect((await visit("editor", "ann")).isStored).toBe(true);
    expect((await visit("editor", "bob")).isHit).toBe(true);
    expect((await visit("reader", "eve")).isHit).toBe(false);
  });

  it("does not have a page for all kept for those with other credentials", async () => {
    const page = { headers: { "Cache-Control": "public, max-age=60" } };
    const { site } = await open(adapter, { audit: "enforce" }, entries, page);
    const visit = (authorization: string) => site.visit("/", { headers: { authorization } });
    expect((await visit("ann")).isStored).toBe(true);
    expect([(await visit("ann")).isHit, (await visit("bob")).isHit, (await site.visit("/")).isHit]).toEqual([
      true,
      false,
      false,
    ]);
  });

  it("has nothing of it kept where it copies them while it writes", async () => {
    async function* late(req: IncomingMessage) {
      yield "begun ";
      await new Promise(setImmediate);
      yield entries(req).get("x-theme") ?? "none";
    }
    vi.spyOn(process, "emitWarning").mockImplementation(() => {});
    const site = await openSite(adapter, {
      options: { ttl: 60, audit: "enforce" },
      handler: ({ req }) => ({ headers: { "Content-Type": "text/plain" }, body: Readable.from(late(req)) }),
    });
    const refused = new Promise((resolve) => site.cache.on("not-stored", ({ reason }) => resolve(reason)));
    await site.visit("/", { headers: { "x-theme": "evil" } });
    expect(await refused).toBe("audit");
    expect((await site.visit("/", { headers: { "x-theme": "evil" } })).isHit).toBe(false);
  });
});

describe("a page that is kept for requests alike in every field", () => {
  const adapter = EXPRESS_5;

  it("is found again by another process, and by those who read along", async () => {
    const { site } = await open(adapter, { audit: "enforce" });
    const headers = { host: "a", "x-theme": "dark" };
    const together = await Promise.all([1, 2].map(() => site.visit("/", { headers })));
    expect([together.map(({ text }) => text), site.renders]).toEqual([["theme dark", "theme dark"], 1]);
    await site.cache.close();
    const later = await openSite(adapter, {
      options: { ttl: 60, audit: "enforce", dir: site.dir, clock: site.clock },
    });
    expect((await later.visit("/", { headers })).isHit).toBe(true);
    expect((await later.visit("/", { headers: { host: "a" } })).isHit).toBe(false);
  });

  it("is not rendered again behind a client, whose own fields select it", async () => {
    const { site } = await open(adapter, { audit: "enforce", staleWhileRevalidate: 60 });
    const headers = { "x-theme": "dark", referer: "http://a/" };
    await site.visit("/", { headers });
    site.clock.advance(70);
    expect((await site.visit("/", { headers })).isStored).toBe(true);
    expect((await site.visit("/", { headers })).cacheStatus).toBe("diskcache; hit; ttl=60");
    expect(site.renders).toBe(2);
  });
});

/** A site whose handler copies the fields and makes its page from one of them. */
async function open(adapter: Adapter, options: Partial<DiskCacheOptions>, copy = entries, page: Page = {}) {
  const warnings: unknown[] = [];
  vi.spyOn(process, "emitWarning").mockImplementation((warning) => void warnings.push(warning));
  const site = await openSite(adapter, {
    options: { ttl: 60, ...options },
    handler: ({ req }) => ({ body: `theme ${String(copy(req).get("x-theme"))}`, ...page }),
  });
  const findings: AuditFinding[] = [];
  site.cache.on("audit", (finding) => findings.push(finding));
  return { site, findings, warnings };
}
