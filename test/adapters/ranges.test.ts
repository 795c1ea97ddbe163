/** Parts of a page (RFC 9110 §14): cut from the stored whole, and from a whole that is still being made. */
import { Readable } from "node:stream";
import { describe, expect, it } from "vitest";
import { WITH_NEST } from "./adapters.js";
import type { Page } from "./adapters.js";
import { openSite } from "./site.js";

const TEXT = "0123456789";
const LONG = Buffer.from(Array.from({ length: 200_000 }, (_, at) => at % 251));

const RANGES: readonly {
  readonly range: string;
  readonly status: number;
  readonly text: string;
  readonly contentRange?: string;
}[] = [
  { range: "bytes=2-4", status: 206, text: "234", contentRange: "bytes 2-4/10" },
  { range: "bytes=7-", status: 206, text: "789", contentRange: "bytes 7-9/10" },
  { range: "bytes=-2", status: 206, text: "89", contentRange: "bytes 8-9/10" },
  { range: "bytes=8-99", status: 206, text: "89", contentRange: "bytes 8-9/10" },
  { range: "bytes=10-", status: 416, text: "", contentRange: "bytes */10" },
  { range: "bytes=4-2", status: 200, text: TEXT },
  { range: "lines=1-2", status: 200, text: TEXT },
];

describe.each(WITH_NEST)("$name: a client that wants a part", (adapter) => {
  const page = (): Page => ({
    headers: { "Content-Type": "text/plain", "Content-Length": "10", ETag: '"v1"' },
    body: TEXT,
  });

  it.each(RANGES)("as in $range gets $status from the stored page", async ({ range, status, text, contentRange }) => {
    const site = await openSite(adapter, { handler: page });
    await site.visit("/");
    const hit = await site.visit("/", { headers: { range } });
    expect([hit.status, hit.text, hit.header("content-range"), hit.isHit]).toEqual([status, text, contentRange, true]);
    expect(hit.header("content-length") ?? "0").toBe(String(text.length));
  });

  it.each(RANGES)(
    "as in $range gets $status while the page is made, and the whole is kept",
    async ({ range, status, text, contentRange }) => {
      const site = await openSite(adapter, { handler: page });
      const miss = await site.visit("/", { headers: { range } });
      expect([miss.status, miss.text, miss.header("content-range")]).toEqual([status, text, contentRange]);
      expect((await site.visit("/")).text).toBe(TEXT);
      expect(site.renders).toBe(1);
    },
  );

  it("of a stream of known length gets it while the stream runs, and the whole is kept", async () => {
    const site = await openSite(adapter, {
      handler: () => ({
        headers: { "Content-Type": "application/x", "Content-Length": String(LONG.length) },
        body: Readable.from([LONG.subarray(0, 70_000), LONG.subarray(70_000)]),
      }),
    });
    const part = await site.visit("/", { headers: { range: "bytes=69990-70009" } });
    expect([part.status, part.body]).toEqual([206, LONG.subarray(69_990, 70_010)]);
    const whole = await site.visit("/");
    // There the stream ends some turns after its last piece, and the whole is read along.
    const readAlong = adapter.web === true && whole.cacheStatus.endsWith("; collapsed");
    expect([whole.isHit || readAlong, site.renders, whole.body.equals(LONG)]).toEqual([true, 1, true]);
  });

  it("of a page on disk gets exactly that part", async () => {
    const site = await openSite(adapter, {
      options: { ttl: 60, memory: 0 },
      handler: () => ({ headers: { "Content-Type": "application/x" }, body: LONG }),
    });
    await site.visit("/");
    const part = await site.visit("/", { headers: { range: "bytes=100000-100099" } });
    expect([part.status, part.body]).toEqual([206, LONG.subarray(100_000, 100_100)]);
  });

  it("and another gets both, framed as multipart/byteranges", async () => {
    const site = await openSite(adapter, { handler: page });
    await site.visit("/");
    const hit = await site.visit("/", { headers: { range: "bytes=0-1,4-5" } });
    expect([hit.status, hit.header("content-type")]).toEqual([
      206,
      expect.stringMatching(/^multipart\/byteranges; ?boundary=/),
    ]);
    expect(hit.text).toMatch(/bytes 0-1\/10\r\n\r\n01\r\n[^]*bytes 4-5\/10\r\n\r\n45\r\n/);
    expect(hit.header("content-length")).toBe(String(hit.body.length));
  });

  it("of another version gets the whole of this one", async () => {
    const site = await openSite(adapter, { handler: page });
    await site.visit("/");
    const other = await site.visit("/", { headers: { range: "bytes=0-1", "if-range": '"v0"' } });
    const same = await site.visit("/", { headers: { range: "bytes=0-1", "if-range": '"v1"' } });
    expect([other.status, same.status, same.text]).toEqual([200, 206, "01"]);
  });
});
