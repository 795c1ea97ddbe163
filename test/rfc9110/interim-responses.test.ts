/** RFC 9110 §15.2: interim responses pass, and are neither stored nor replayed. */
import { describe, expect, it } from "vitest";
import { MESSAGES } from "../adapters/adapters.js";
import { openSite } from "../adapters/site.js";
import { exchangeBytes } from "../support/visit.js";

const ASK = "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";

describe.each(MESSAGES)("$name: RFC 9110 §15.2 interim responses", (adapter) => {
  it("reach the client they were made for, and nobody else", async () => {
    const site = await openSite(adapter, {
      handler: async ({ res }) => {
        res.writeProcessing();
        await new Promise<void>((resolve) => res.writeEarlyHints({ link: "</a.css>; rel=preload" }, resolve));
        return { body: "page" };
      },
    });
    const statuses = (answer: string) => [...answer.matchAll(/^HTTP\/1\.1 (\d+)/gm)].map(([, status]) => status);
    expect(statuses(await exchangeBytes(site.origin, ASK))).toEqual(["102", "103", "200"]);
    const hit = await exchangeBytes(site.origin, ASK);
    expect([statuses(hit), /cache-status: diskcache; hit/i.test(hit), /^link:/im.test(hit)]).toEqual([
      ["200"],
      true,
      false,
    ]);
  });
});
