/** RFC 9111 §3.3, §3.4: the application's own parts, kept and completed where `relaxed.partial` asks for it. */
import { describe, expect, it } from "vitest";
import { EVERY_ADAPTER, EVERY_TAPPED } from "../adapters/adapters.js";
import type { Asked, Page } from "../adapters/adapters.js";
import { openRawSite, openSite } from "../adapters/site.js";

const TEXT = "0123456789";
const LIFETIME = { "Cache-Control": "max-age=60", "Content-Type": "text/plain" };

/** An application that cuts its own ranges. */
function cutting(fields: Readonly<Record<string, string>> = { ETag: '"v1"' }, text = TEXT) {
  return ({ req }: Asked): Page => {
    const [, first, last] = /^bytes=(\d+)-(\d*)$/.exec(req.headers.range ?? "") ?? [];
    if (first === undefined)
      return { headers: { ...LIFETIME, ...fields, "Content-Length": String(text.length) }, body: text };
    const end = last === "" ? text.length : Number(last) + 1;
    const body = text.slice(Number(first), end);
    const range = `bytes ${first}-${Number(first) + body.length - 1}/${text.length}`;
    return { status: 206, headers: { ...LIFETIME, ...fields, "Content-Range": range }, body };
  };
}

const PARTIAL = { options: { relaxed: { partial: true } } };

describe.each(EVERY_ADAPTER)("$name: RFC 9111 §3.3 a part the application made", (adapter) => {
  it.each([
    { range: "bytes=2-5", status: 206, text: "2345", contentRange: "bytes 2-5/10", hit: true },
    { range: "bytes=3-4", status: 206, text: "34", contentRange: "bytes 3-4/10", hit: true },
    { range: "bytes=4-6", status: 206, text: "456", contentRange: "bytes 4-6/10", hit: false },
    { range: "bytes=0-2", status: 206, text: "012", contentRange: "bytes 0-2/10", hit: false },
  ])("bytes 2-5 answers $range: $hit", async ({ range, status, text, contentRange, hit }) => {
    const site = await openSite(adapter, { ...PARTIAL, handler: cutting() });
    const first = await site.visit("/", { headers: { range: "bytes=2-5" } });
    expect([first.status, first.text, first.isStored]).toEqual([206, "2345", true]);
    const again = await site.visit("/", { headers: { range } });
    expect([again.status, again.text, again.header("content-range"), again.isHit]).toEqual([
      status,
      text,
      contentRange,
      hit,
    ]);
    expect(again.header("content-length") ?? String(text.length)).toBe(String(text.length));
  });

  it("is of no use to who wants the whole, when it is not its beginning", async () => {
    const site = await openSite(adapter, { ...PARTIAL, handler: cutting() });
    await site.visit("/", { headers: { range: "bytes=2-5" } });
    const whole = await site.visit("/");
    expect([whole.status, whole.text, whole.keptStatus]).toEqual([200, TEXT, "diskcache; fwd=uri-miss; stored"]);
  });

  it("is not looked at any more once the page is stored", async () => {
    const site = await openSite(adapter, { ...PARTIAL, handler: cutting() });
    await site.visit("/", { headers: { range: "bytes=2-5" } });
    await site.visit("/");
    const part = await site.visit("/", { headers: { range: "bytes=4-6" } });
    expect([part.status, part.text, part.isHit, site.renders]).toEqual([206, "456", true, 2]);
  });

  it("goes with a purge of its page", async () => {
    const site = await openSite(adapter, { ...PARTIAL, handler: cutting() });
    await site.visit("/", { headers: { range: "bytes=2-5" } });
    await site.cache.purge("/");
    expect((await site.visit("/", { headers: { range: "bytes=2-5" } })).isHit).toBe(false);
  });

  it("is not reused once it is stale", async () => {
    const site = await openSite(adapter, { ...PARTIAL, handler: cutting() });
    await site.visit("/", { headers: { range: "bytes=2-5" } });
    site.clock.advance(61);
    expect((await site.visit("/", { headers: { range: "bytes=2-5" } })).isHit).toBe(false);
  });

  it("is cut from the whole when the application pays no heed to ranges", async () => {
    const site = await openSite(adapter, {
      ...PARTIAL,
      handler: () => ({ headers: { ...LIFETIME, "Content-Length": "10" }, body: TEXT }),
    });
    const part = await site.visit("/", { headers: { range: "bytes=2-5" } });
    expect([part.status, part.text]).toEqual([206, "2345"]);
    expect((await site.visit("/")).isHit).toBe(true);
  });

  it("is neither asked for nor kept without the option", async () => {
    const site = await openSite(adapter, { options: {}, handler: cutting() });
    const part = await site.visit("/", { headers: { range: "bytes=2-5" } });
    expect([part.status, part.text]).toEqual([206, "2345"]);
    const whole = await site.visit("/");
    expect([whole.text, whole.isHit, site.renders]).toEqual([TEXT, true, 1]);
  });
});

describe.each(EVERY_ADAPTER)("$name: RFC 9111 §3.4 a stored beginning", (adapter) => {
  it("is completed with what is missing, and the whole is kept", async () => {
    const asked: unknown[] = [];
    const cut = cutting();
    const site = await openSite(adapter, {
      ...PARTIAL,
      handler: (request) => {
        asked.push(request.req.headers.range, request.req.headers["if-range"]);
        return cut(request);
      },
    });
    await site.visit("/", { headers: { range: "bytes=0-3" } });
    const whole = await site.visit("/");
    expect([whole.status, whole.text, whole.header("content-length")]).toEqual([200, TEXT, "10"]);
    expect([whole.header("content-range"), whole.keptStatus]).toEqual([
      undefined,
      "diskcache; fwd=partial; fwd-status=206; stored",
    ]);
    expect(asked).toEqual(["bytes=0-3", undefined, "bytes=4-", '"v1"']);
    const again = await site.visit("/");
    expect([again.status, again.text, again.isHit, site.renders]).toEqual([200, TEXT, true, 2]);
  });

  it("that is completed with a cookie is for the client that gets it, and the whole is not kept", async () => {
    const first = cutting();
    const rest = cutting({ ETag: '"v1"', "Set-Cookie": "id=1" });
    const site = await openSite(adapter, {
      ...PARTIAL,
      handler: (asked) => (site.renders === 1 ? first : rest)(asked),
    });
    await site.visit("/", { headers: { range: "bytes=0-3" } });
    const whole = await site.visit("/");
    expect([whole.status, whole.text, whole.lines("set-cookie")]).toEqual([200, TEXT, ["id=1"]]);
    expect((await site.visit("/")).isHit).toBe(false);
  });

  it("with a weak tag is not completed: the whole is asked for", async () => {
    const site = await openSite(adapter, { ...PARTIAL, handler: cutting({ ETag: 'W/"v1"' }) });
    await site.visit("/", { headers: { range: "bytes=0-3" } });
    const whole = await site.visit("/");
    expect([whole.text, whole.keptStatus]).toEqual([TEXT, "diskcache; fwd=uri-miss; stored"]);
  });

  it("gives way to the whole that the application sends instead", async () => {
    const cut = cutting();
    const site = await openSite(adapter, {
      ...PARTIAL,
      handler: (asked) =>
        site.renders === 1 ? cut(asked) : { headers: { ...LIFETIME, ETag: '"v2"' }, body: "changed" },
    });
    await site.visit("/", { headers: { range: "bytes=0-3" } });
    expect((await site.visit("/")).text).toBe("changed");
    expect((await site.visit("/")).isHit).toBe(true);
  });

  it("that the application's rest does not fit is given up, and never sent with it", async () => {
    const before = cutting({ ETag: '"v1"' });
    const after = cutting({ ETag: '"v2"' }, "abcdefghij");
    const site = await openSite(adapter, {
      ...PARTIAL,
      handler: (asked) => (site.renders === 1 ? before : after)(asked),
    });
    await site.visit("/", { headers: { range: "bytes=0-3" } });
    const torn = await site.visit("/");
    expect([torn.status, torn.text, torn.cacheStatus]).toEqual([
      502,
      "",
      "diskcache; fwd=partial; fwd-status=206; detail=partial",
    ]);
    const next = await site.visit("/");
    expect([next.status, next.text]).toEqual([200, "abcdefghij"]);
  });
});

describe.each(EVERY_TAPPED)("$name: RFC 9111 §3.4 a stored beginning without validators", (adapter) => {
  it("is completed on the word of Content-Range, piece by piece", async () => {
    const site = await openRawSite(
      adapter,
      (req, res) => {
        const [first, last] = req.headers.range === "bytes=0-3" ? [0, 3] : [4, 9];
        res.writeHead(206, { ...LIFETIME, "Content-Range": `bytes ${first}-${last}/10` });
        for (const digit of TEXT.slice(first, last + 1)) res.write(digit);
        res.end();
      },
      PARTIAL.options,
    );
    await site.visit("/", { headers: { range: "bytes=0-3" } });
    const whole = await site.visit("/");
    expect([whole.status, whole.text]).toEqual([200, TEXT]);
    expect([(await site.visit("/")).text, site.renders]).toEqual([TEXT, 2]);
  });
});
