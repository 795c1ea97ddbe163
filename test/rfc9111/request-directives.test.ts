/** RFC 9111 §5.2.1: what a client may ask of the cache, where `honourRequest` lets it. */
import { describe, expect, it } from "vitest";
import { ADAPTERS, incoming } from "../adapters/adapters.js";
import { openSite } from "../adapters/site.js";

// With a validator, so that it stays in the store once it is stale.
const LIFETIME = { headers: { "Cache-Control": "max-age=60", ETag: '"v1"' }, body: "page" };

/** After 30 of 60 seconds, or 90. */
const WISHES: readonly {
  readonly wish: string;
  readonly after: number;
  readonly honoured: string;
  readonly ignored: string;
}[] = [
  { wish: "no-cache", after: 30, honoured: "fwd=request", ignored: "hit" },
  { wish: "no-store", after: 30, honoured: "fwd=bypass; detail=request-no-store", ignored: "hit" },
  { wish: "max-age=30", after: 30, honoured: "hit", ignored: "hit" },
  { wish: "max-age=29", after: 30, honoured: "fwd=request", ignored: "hit" },
  { wish: "max-age=junk", after: 30, honoured: "hit", ignored: "hit" },
  { wish: "min-fresh=30", after: 30, honoured: "hit", ignored: "hit" },
  { wish: "min-fresh=31", after: 30, honoured: "fwd=request", ignored: "hit" },
  { wish: "max-stale", after: 90, honoured: "hit", ignored: "fwd=stale" },
  { wish: "max-stale=30", after: 90, honoured: "hit", ignored: "fwd=stale" },
  { wish: "max-stale=29", after: 90, honoured: "fwd=stale", ignored: "fwd=stale" },
  { wish: "only-if-cached", after: 30, honoured: "hit", ignored: "hit" },
  { wish: "only-if-cached", after: 90, honoured: "detail=only-if-cached", ignored: "fwd=stale" },
  { wish: "nothing-to-see-here", after: 30, honoured: "hit", ignored: "hit" },
];

describe.each(ADAPTERS)("$name: RFC 9111 §5.2.1 a client's Cache-Control", (adapter) => {
  it.each(WISHES)(
    "$wish after $after s: honoured $honoured, else $ignored",
    async ({ wish, after, honoured, ignored }) => {
      for (const [honourRequest, outcome] of [
        [true, honoured],
        [false, ignored],
      ] as const) {
        const site = await openSite(adapter, { options: { honourRequest }, handler: () => LIFETIME });
        await site.visit("/");
        site.clock.advance(after);
        const answer = await site.visit("/", { headers: { "cache-control": wish } });
        expect(answer.cacheStatus).toMatch(new RegExp(`^diskcache; ${outcome}(;|$)`));
        expect(answer.status).toBe(outcome.includes("only-if-cached") ? 504 : 200);
      }
    },
  );

  it("only-if-cached is answered with 504 where nothing is stored", async () => {
    const site = await openSite(adapter, { options: { honourRequest: true }, handler: () => LIFETIME });
    const answer = await site.visit("/", { headers: { "cache-control": "only-if-cached" } });
    expect([answer.status, answer.text, site.renders]).toEqual([504, "", 0]);
  });

  it("no-store keeps the answer out of the cache", async () => {
    const site = await openSite(adapter, { options: { honourRequest: true }, handler: () => LIFETIME });
    await site.visit("/", { headers: { "cache-control": "no-store" } });
    expect((await site.visit("/")).isHit).toBe(false);
  });

  it("Pragma: no-cache counts where there is no Cache-Control", async () => {
    const site = await openSite(adapter, { options: { honourRequest: true }, handler: () => LIFETIME });
    await site.visit("/");
    expect((await site.visit("/", { headers: { pragma: "no-cache" } })).cacheStatus).toContain("fwd=request");
    expect((await site.visit("/", { headers: { pragma: "no-cache", "cache-control": "x" } })).isHit).toBe(true);
  });

  it("is honoured for the requests a function picks", async () => {
    const honourRequest = (native: unknown) => incoming(native).headers["x-staff"] === "1";
    const site = await openSite(adapter, { options: { honourRequest }, handler: () => LIFETIME });
    await site.visit("/");
    const reload = (staff: string) => site.visit("/", { headers: { "cache-control": "no-cache", "x-staff": staff } });
    expect([(await reload("0")).isHit, (await reload("1")).isHit]).toEqual([true, false]);
  });
});
