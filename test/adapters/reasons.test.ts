/** What the cache says of one request is the same wherever it says it: the field, the events, the counters, and what
 * `explain` foretold. */
import type { Explanation } from "@diskcache/core";
import { describe, expect, it, vi } from "vitest";
import { ADAPTERS, ANSWERED } from "./adapters.js";
import type { Asked, Page } from "./adapters.js";
import { REASONS } from "./reason-rows.js";
import type { Reason } from "./reason-rows.js";
import { ELSEWHERE, documentedWords, parameter, wordsOf } from "./reason-words.js";
import { openSite } from "./site.js";
import type { Site } from "./site.js";

/** By `end` alone: so that the whole body is known when the head leaves, as it is with a framework. */
function ending({ res }: Asked, { status = 200, headers = {}, body }: Page): Page {
  res.statusCode = status;
  for (const [name, value] of Object.entries(headers)) res.setHeader(name, value);
  res.end(body);
  return ANSWERED;
}

const PATIENCE = { timeout: 10_000, interval: 5 };

const isWhole = ({ body }: Page): boolean => body === undefined || typeof body === "string" || Buffer.isBuffer(body);

/** What is told from now on. */
function listen(site: Site, { outside }: Reason) {
  const forwards: unknown[] = [];
  const refusals: string[] = [];
  const stored: string[] = [];
  const explained: Partial<Explanation>[] = [];
  site.cache.on("forward", ({ reason, detail }) => forwards.push({ reason, detail }));
  site.cache.on("not-stored", ({ reason }) => refusals.push(reason));
  site.cache.on("stored", ({ url }) => stored.push(url));
  site.onRequest((req) =>
    site.cache.explain(req).then(
      ({ reason, detail }) => explained.push({ reason, detail }),
      () => undefined,
    ),
  );
  if (outside !== undefined) site.onRequest(outside);
  return { forwards, refusals, stored, explained };
}

async function counted(site: Site) {
  const { forwards, notStored, stored, hits } = await site.cache.stats();
  return { forwards, notStored, stored, hits };
}

/** The field of the answer, once all of it has come or broken off. */
async function fieldOf(site: Site, { target = "/", request = {} }: Reason) {
  // What announces more than it sends leaves its client waiting.
  const refused = new Promise((resolve) => site.cache.on("not-stored", resolve));
  const message = await site.begin(target, request);
  const over = new Promise((resolve) => message.once("close", resolve).once("error", resolve).resume());
  await Promise.race([over, refused]);
  message.destroy();
  return message.headers["cache-status"];
}

describe.each(ADAPTERS)("$name", (adapter) => {
  it.each(REASONS.filter(({ only }) => only?.test(adapter.name) ?? true))(
    "says $field $later everywhere",
    async (reason) => {
      const { field, later, options = {}, tool, handler, before, foretold, hits = 0 } = reason;
      const site: Site = await openSite(adapter, {
        options: { ttl: 60, ...options },
        ...(tool && { tool }),
        handler: async (asked) => {
          const page = (await handler?.(asked, site)) ?? { body: "page" };
          return adapter.name === "node:http" && isWhole(page) ? ending(asked, page) : page;
        },
      });
      await before?.(site);
      const was = await counted(site);
      const told = listen(site, reason);
      expect(await fieldOf(site, reason)).toBe(`diskcache; ${field}`);
      const [fwd, detail] = [parameter(field, "fwd"), parameter(field, "detail")];
      const left = fwd === "bypass" || fwd === "method";
      const kept = later === undefined && / (?:stored|storing)\b/.test(field);
      const refusal = later ?? reason.refused ?? (left || kept || hits > 0 || fwd === undefined ? undefined : detail);
      const refusals = refusal === undefined ? [] : [refusal];
      await vi.waitFor(() => expect([told.refusals, told.stored.length]).toEqual([refusals, kept ? 1 : 0]), PATIENCE);
      const known = left || kept ? detail : undefined;
      expect(told.forwards).toEqual(fwd === undefined ? [] : [{ reason: fwd, detail: known }]);
      const now = await counted(site);
      expect(Object.entries(now).map(([name, count]) => [name, count - was[name as keyof typeof was]])).toEqual([
        ["forwards", told.forwards.length],
        ["notStored", refusals.length],
        ["stored", kept ? 1 : 0],
        ["hits", hits],
      ]);
      const nothing = { reason: undefined, detail: undefined };
      const expected = foretold === undefined ? { reason: fwd, detail } : foretold;
      expect(told.explained).toEqual(expected === null ? [] : [{ ...nothing, ...expected }]);
    },
  );
});

describe("docs/cache-status.md", () => {
  const provoked = new Set(REASONS.flatMap(wordsOf));

  it("has every word", () => {
    const words = documentedWords();
    expect([...provoked].filter((word) => !words.has(word))).toEqual([]);
  });

  it("has no word that is not tested", () => {
    const untested = [...documentedWords()].filter((word) => !provoked.has(word));
    expect(untested.sort()).toEqual(Object.keys(ELSEWHERE).sort());
  });
});
