/** What the cache takes off a request it answers itself; what it does not answer itself stays with the application. */
import { describe, expect, it } from "vitest";
import { EVERY_WITH_NEST } from "./adapters.js";
import type { Page } from "./adapters.js";
import { openSite } from "./site.js";

const BODY = "0123456789";
const VALIDATORS = { ETag: '"one"', "Last-Modified": "Thu, 01 Jan 2026 00:00:00 GMT", "Content-Length": "10" };
const KEPT = { "Content-Type": "text/plain", "Cache-Control": "max-age=60", ...VALIDATORS };
const NOT_KEPT = { ...KEPT, "Cache-Control": "no-store" };
const CONDITIONS = [{ "if-none-match": '"one"' }, { "if-modified-since": VALIDATORS["Last-Modified"] }];

describe.each(EVERY_WITH_NEST)("$name", (adapter) => {
  describe.each([201, 202, 203])("a %d", (status) => {
    it.each(CONDITIONS)("is answered with 304 to %o, on a miss and on a hit (RFC 9110 §13.2.1)", async (headers) => {
      const site = await openSite(adapter, { handler: () => ({ status, headers: KEPT, body: BODY }) });
      const answers = [await site.visit("/", { headers }), await site.visit("/", { headers })];
      expect(answers.map((answer) => [answer.status, answer.text])).toEqual([
        [304, ""],
        [304, ""],
      ]);
      expect([answers[1]!.isHit, site.renders]).toEqual([true, 1]);
      const whole = await site.visit("/");
      expect([whole.status, whole.text]).toEqual([status, BODY]);
    });

    it("is sent whole to a range, on a miss and on a hit", async () => {
      const site = await openSite(adapter, { handler: () => ({ status, headers: KEPT, body: BODY }) });
      for (const hit of [false, true]) {
        const answer = await site.visit("/", { headers: { range: "bytes=0-1" } });
        expect([answer.status, answer.text, answer.isHit]).toEqual([status, BODY, hit]);
      }
    });
  });

  it("leaves Range and conditions with the application once a page is known as not kept", async () => {
    const seen: unknown[] = [];
    const site = await openSite(adapter, {
      handler: ({ req: { headers } }): Page => {
        seen.push(headers.range ?? headers["if-none-match"]);
        if (headers.range === "bytes=0-1")
          return {
            status: 206,
            headers: { ...NOT_KEPT, "Content-Length": "2", "Content-Range": "bytes 0-1/10" },
            body: "01",
          };
        if (headers["if-none-match"] === '"one"') return { status: 304, headers: { ETag: '"one"' } };
        return { headers: NOT_KEPT, body: BODY };
      },
    });
    const range = { headers: { range: "bytes=0-1" } };
    const condition = { headers: CONDITIONS[0]! };
    const answers = [];
    for (const options of [range, range, condition, range]) answers.push(await site.visit("/", options));
    expect(answers.map(({ status, text }) => [status, text])).toEqual([
      [206, "01"],
      [206, "01"],
      [304, ""],
      [206, "01"],
    ]);
    expect(seen).toEqual([undefined, "bytes=0-1", '"one"', "bytes=0-1"]);
    // What is answered to them says nothing of the page, so it is asked for whole again as soon as that is due.
    site.clock.advance(61);
    await site.visit("/", condition);
    expect(seen.at(-1)).toBeUndefined();
  });

  it("takes them off again when the page is kept after all", async () => {
    let headers = NOT_KEPT;
    const site = await openSite(adapter, { handler: () => ({ headers, body: BODY }) });
    await site.visit("/");
    headers = KEPT;
    expect((await site.visit("/")).isStored).toBe(true);
    expect((await site.visit("/", { headers: { range: "bytes=0-1" } })).text).toBe("01");
    expect((await site.visit("/", { headers: CONDITIONS[0]! })).status).toBe(304);
    expect(site.renders).toBe(2);
  });
});
