/** Secrets at rest: after visits with canaries in every place a credential can be in, none of them lies in the directory. */
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { ADAPTERS, NODE_HTTP, incoming } from "../adapters/adapters.js";
import { openSite } from "../adapters/site.js";
import { filesBelow } from "../support/entry-files.js";
import { written } from "./crafted.js";

const CANARY = "canary-5f1e7a";

const OPTIONS = {
  ttl: "5m",
  cookies: { key: ["theme"], ignore: ["_ga"] },
  key: { headers: ["x-plan"] },
  vary: ["x-locale"],
  partition: (native: unknown) => incoming(native).headers["x-user"] as string | undefined,
};

const VISITS: readonly { readonly where: string; readonly headers: Record<string, string> }[] = [
  { where: "a session cookie", headers: { cookie: `session=${CANARY}` } },
  { where: "a cookie in the key", headers: { cookie: `theme=${CANARY}` } },
  { where: "an ignored cookie", headers: { cookie: `_ga=${CANARY}` } },
  { where: "a session cookie of a partition", headers: { cookie: `session=${CANARY}`, "x-user": "ann" } },
  { where: "the partition", headers: { "x-user": CANARY } },
  { where: "Authorization", headers: { authorization: `Bearer ${CANARY}` } },
  { where: "a password", headers: { authorization: `Basic ${Buffer.from(`ann:${CANARY}`).toString("base64")}` } },
  { where: "Proxy-Authorization", headers: { "proxy-authorization": `Basic ${CANARY}` } },
  { where: "a field in the key", headers: { "x-plan": CANARY } },
  { where: "a field the page varies on", headers: { "x-locale": CANARY } },
  { where: "Accept-Language", headers: { "accept-language": CANARY } },
  { where: "User-Agent", headers: { "user-agent": CANARY } },
  { where: "Referer", headers: { referer: `http://a.example/?token=${CANARY}` } },
  { where: "X-Forwarded-Host", headers: { "x-forwarded-host": `${CANARY}.example` } },
  { where: "X-Forwarded-For", headers: { "x-forwarded-for": CANARY } },
  { where: "Forwarded", headers: { forwarded: `for=${CANARY};host=${CANARY}.example` } },
  { where: "an API key", headers: { "x-api-key": CANARY } },
  { where: "a condition", headers: { "if-none-match": `"${CANARY}"` } },
];

const found = (dir: string): string[] =>
  filesBelow(dir).filter((file) => {
    const bytes = readFileSync(file).toString("latin1");
    const encoded = Buffer.from(`ann:${CANARY}`).toString("base64");
    return file.includes(CANARY) || bytes.includes(CANARY) || bytes.includes(encoded);
  });

it("a search would find a secret that is stored", async () => {
  const site = await openSite(NODE_HTTP, { handler: () => ({ body: `shown: ${CANARY}` }) });
  await site.visit("/");
  await written(site.cache);
  expect(found(site.dir)).toHaveLength(1);
});

describe.each(ADAPTERS)("$name keeps no secret of a request", (adapter) => {
  it.each(["max-age=60", "public, max-age=60", ""])("(Cache-Control: %j)", async (cacheControl) => {
    const site = await openSite(adapter, {
      options: OPTIONS,
      handler: () => ({
        headers: { Vary: "Accept-Language, User-Agent", ...(cacheControl && { "Cache-Control": cacheControl }) },
        body: "page",
      }),
    });
    for (const { where, headers } of VISITS)
      for (const _ of [1, 2]) await site.visit(`/${where.replaceAll(" ", "-")}`, { headers });
    await site.cache.purge("/a-session-cookie");
    await written(site.cache);
    expect((await site.cache.stats()).entries).toBeGreaterThan(0);
    expect(found(site.dir)).toEqual([]);
  });
});
