/** Several responses of one HTTP/2 connection: what happens to one while Node tells of the reset of another. Where that
 * goes wrong, Node does not come back: this file hangs. */
import { once } from "node:events";
import type { Http2ServerResponse } from "node:http2";
import { Readable } from "node:stream";
import { describe, expect, it } from "vitest";
import { barrier } from "../support/barrier.js";
import { openSite, SPEAKING } from "./http2-site.js";

describe.each(SPEAKING)("$name over HTTP/2", (adapter) => {
  it("whoever reads along is broken off when the leader's client resets its stream, and the server goes on", async () => {
    const begun = barrier();
    const site = await openSite(adapter, "cleartext", ({ res }) => {
      if (site.renders.count > 1) return { headers: { "Content-Type": "text/plain" }, body: "whole" };
      const body = new Readable({ read() {} });
      body.push("some");
      const { stream } = res as unknown as Http2ServerResponse;
      stream.on("aborted", () => body.destroy(new Error("its client has left")));
      begun.open();
      return { headers: { "Content-Type": "text/plain" }, body };
    });
    const session = site.connect();
    const [leaving, reading] = [site.begin("/", {}, session), site.begin("/", {}, session)];
    await begun.opened;
    await once(leaving, "readable");
    await once(reading, "readable");
    const broken = once(reading, "error");
    leaving.close(8);
    reading.resume();
    expect((await broken)[0]).toMatchObject({ code: "ERR_HTTP2_STREAM_ERROR" });
    expect((await site.visit("/")).text).toBe("whole");
  });
});
