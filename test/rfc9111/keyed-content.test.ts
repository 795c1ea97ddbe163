/** QUERY (draft-ietf-httpbis-safe-method-w-body) and POST, asked by their content: the content is part of the key, and
 * the handler gets it all the same. */
import { text } from "node:stream/consumers";
import { describe, expect, it } from "vitest";
import { ADAPTERS } from "../adapters/adapters.js";
import type { Asked, Page } from "../adapters/adapters.js";
import { openSite } from "../adapters/site.js";
import { barrier } from "../support/barrier.js";

const METHODS = { options: { ttl: "5m", methods: ["GET", "QUERY", "POST"] } } as const;
const JSON_TYPE = { "content-type": "application/json" };

/** Answers with what it was asked. */
const echo = async ({ req }: Asked): Promise<Page> => ({ body: `${req.method} ${await text(req)}` });

describe.each(ADAPTERS)("$name: a request asked by its content", (adapter) => {
  it.each(["QUERY", "POST"])(
    "by %s is answered from the cache for the same content, and rendered for another",
    async (method) => {
      const site = await openSite(adapter, { ...METHODS, handler: echo });
      const ask = (body: string) => site.visit("/search", { method, body, headers: JSON_TYPE });
      const said = [await ask("a"), await ask("b"), await ask("a"), await ask("b")];
      expect(said.map((answer) => [answer.text, answer.isHit])).toEqual([
        [`${method} a`, false],
        [`${method} b`, false],
        [`${method} a`, true],
        [`${method} b`, true],
      ]);
    },
  );

  it.each([
    { differing: "Content-Type", one: { "content-type": "text/plain" }, other: JSON_TYPE },
    { differing: "Content-Encoding", one: {}, other: { "content-encoding": "x" } },
    { differing: "method", one: {}, other: {}, method: "POST" },
    { differing: "target", one: {}, other: {}, target: "/b" },
  ])("is another one by another $differing", async ({ one, other, method = "QUERY", target = "/" }) => {
    const site = await openSite(adapter, { ...METHODS, handler: echo });
    await site.visit("/", { method: "QUERY", body: "x", headers: one });
    expect((await site.visit(target, { method, body: "x", headers: other })).isHit).toBe(false);
  });

  it.each([
    { content: "none", headers: {}, body: undefined },
    { content: "an empty one of unknown length", headers: { "transfer-encoding": "chunked" }, body: "" },
    { content: "one of unknown length", headers: { "transfer-encoding": "chunked" }, body: "abc" },
    { content: "a long one", headers: {}, body: "x".repeat(1024 * 1024) },
  ])("with $content reaches the handler whole, then the cache answers", async ({ headers, body }) => {
    const site = await openSite(adapter, { ...METHODS, handler: echo });
    const ask = () => site.visit("/", { method: "QUERY", headers, ...(body !== undefined && { body }) });
    const [first, second] = [await ask(), await ask()];
    expect([first.text === `QUERY ${body ?? ""}`, first.isStored]).toEqual([true, true]);
    expect([second.text === first.text, second.isHit, site.renders]).toEqual([true, true, 1]);
  });

  it.each([
    { length: "known", headers: {} },
    { length: "unknown", headers: { "transfer-encoding": "chunked" } },
  ])("with more than a mebibyte, of $length length, passes untouched", async ({ headers }) => {
    const site = await openSite(adapter, { ...METHODS, handler: echo });
    const body = "x".repeat(1024 * 1024 + 1);
    for (const isStored of [false, false]) {
      const answer = await site.visit("/", { method: "QUERY", headers, body });
      expect([answer.text === `QUERY ${body}`, answer.isStored]).toEqual([true, isStored]);
      expect(answer.cacheStatus).toBe("diskcache; fwd=bypass; detail=body");
    }
  });

  it("is rendered once for many who ask the same together", async () => {
    const gate = barrier();
    const site = await openSite(adapter, {
      ...METHODS,
      handler: async (asked) => {
        await gate.opened;
        return echo(asked);
      },
    });
    const visits = Array.from({ length: 5 }, () => site.visit("/", { method: "QUERY", body: "same" }));
    await site.waiting(4);
    gate.open();
    expect((await Promise.all(visits)).map((answer) => answer.text)).toEqual(Array(5).fill("QUERY same"));
    expect(site.renders).toBe(1);
  });

  it("ends nothing that is stored, whereas a POST with too much content for a question does", async () => {
    const site = await openSite(adapter, { ...METHODS, handler: echo });
    await site.visit("/");
    await site.visit("/", { method: "POST", body: "x" });
    expect((await site.visit("/")).isHit).toBe(true);
    await site.visit("/", { method: "POST", body: "x".repeat(1024 * 1024 + 1) });
    expect((await site.visit("/")).isHit).toBe(false);
  });

  it("is answered whole: ranges are for GET alone (RFC 9110 §14.2)", async () => {
    const site = await openSite(adapter, { ...METHODS, handler: echo });
    const ask = () => site.visit("/", { method: "QUERY", body: "x", headers: { range: "bytes=0-1" } });
    const answers = [await ask(), await ask()];
    expect(answers.map((answer) => [answer.status, answer.text])).toEqual([
      [200, "QUERY x"],
      [200, "QUERY x"],
    ]);
  });

  it("goes with a purge of its target", async () => {
    const site = await openSite(adapter, { ...METHODS, handler: echo });
    await site.visit("/", { method: "QUERY", body: "x" });
    await site.cache.purge("/");
    expect((await site.visit("/", { method: "QUERY", body: "x" })).isHit).toBe(false);
  });

  it("is rendered by whoever meets it stale: nobody else has its content", async () => {
    const options = { ...METHODS.options, ttl: 1, staleWhileRevalidate: 60 };
    const site = await openSite(adapter, { options, handler: echo });
    await site.visit("/", { method: "QUERY", body: "x" });
    site.clock.advance(2);
    expect((await site.visit("/", { method: "QUERY", body: "x" })).keptStatus).toMatch(
      /^diskcache; fwd=stale;.* stored$/,
    );
    expect((await site.visit("/", { method: "QUERY", body: "x" })).isHit).toBe(true);
  });

  it("is left alone by default", async () => {
    const site = await openSite(adapter, { handler: echo });
    const answer = await site.visit("/", { method: "POST", body: "x" });
    expect([answer.text, answer.cacheStatus]).toEqual(["POST x", "diskcache; fwd=method; detail=method"]);
  });
});
