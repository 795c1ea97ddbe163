/** What a handler says wrongly: the client gets its page, and what could never be purged, or never be found again, is
 * not kept. */
import type { HandlerDirectives } from "@diskcache/core";
import { describe, expect, it } from "vitest";
import { ADAPTERS } from "./adapters.js";
import { openSite } from "./site.js";

describe.each(ADAPTERS)("$name", (adapter) => {
  it.each([
    { said: "a list for a tag", say: (it: HandlerDirectives) => void it.tag(["news"] as never), detail: "hook" },
    { said: "a number for a tag", say: (it: HandlerDirectives) => void it.tag(5 as never), detail: "hook" },
    { said: "an empty tag", say: (it: HandlerDirectives) => void it.tag(""), detail: "hook" },
    {
      said: "two words for a field",
      say: (it: HandlerDirectives) => void it.vary("accept language"),
      detail: "vary-star",
    },
  ])("a handler that says $said has nothing kept", async ({ say, detail }) => {
    const site = await openSite(adapter, {
      handler: ({ directives }) => {
        say(directives);
        return { headers: { "Content-Type": "text/plain" }, body: "page" };
      },
    });
    for (let visit = 0; visit < 2; visit++) {
      const answer = await site.visit("/");
      expect([answer.text, answer.isHit]).toEqual(["page", false]);
      expect(answer.cacheStatus).toContain(`detail=${detail}`);
    }
    expect(site.errors.map(({ code }) => code)).toEqual(detail === "hook" ? Array(2).fill("ERR_DISKCACHE_HOOK") : []);
  });

  it("a page in the place of a failure does not carry the failure's reason phrase", async () => {
    let failing = false;
    const site = await openSite(adapter, {
      options: { ttl: 1, staleIfError: "1h" },
      handler: () => {
        if (failing) throw new Error("down");
        return { headers: { "Content-Type": "text/plain" }, body: "page" };
      },
    });
    await site.visit("/");
    failing = true;
    site.clock.advance(2000);
    const { statusCode, statusMessage } = await site.begin("/");
    expect([statusCode, statusMessage]).toEqual([200, "OK"]);
  });
});
