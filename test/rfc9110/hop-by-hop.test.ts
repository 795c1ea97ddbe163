/** RFC 9110 §7.6.1, RFC 9112 §6.2: what a handler copied from another connection is in no answer that the cache makes
 * of its response and none has two lengths. */
import { describe, expect, it } from "vitest";
import { exchangeBytes } from "../support/visit.js";
import { ADAPTERS } from "../adapters/adapters.js";
import { openSite } from "../adapters/site.js";

const COPIED = {
  "Content-Type": "text/plain",
  ETag: '"v"',
  "Content-Length": "10",
  "Transfer-Encoding": "chunked",
  "Keep-Alive": "timeout=99",
  "Proxy-Authenticate": "Basic",
  Trailer: "X-Sum",
  Upgrade: "h2c",
};

const ASKED = [
  { asked: "a part", line: "Range: bytes=2-3", status: 206, body: "23", length: "2" },
  { asked: "the end", line: "Range: bytes=-1", status: 206, body: "9", length: "1" },
  { asked: "what is not there", line: "Range: bytes=90-", status: 416, body: "", length: "0" },
  { asked: "news", line: 'If-None-Match: "v"', status: 304, body: "", length: undefined },
];

describe.each(ADAPTERS)("$name: a response with fields of another connection", (adapter) => {
  it.each(ASKED)("asked for $asked first, and from the store", async ({ line, status, body, length }) => {
    const site = await openSite(adapter, { handler: () => ({ headers: COPIED, body: "0123456789" }) });
    const bytes = `GET / HTTP/1.1\r\nHost: ${new URL(site.origin).host}\r\n${line}\r\nConnection: close\r\n\r\n`;
    for (const _ of ["miss", "hit"]) {
      const [head = "", content] = split(await exchangeBytes(site.origin, bytes));
      const fields = fieldsOf(head);
      expect(head).toMatch(new RegExp(`^HTTP/1\\.1 ${status} `));
      expect([fields.get("content-length"), content]).toEqual([length, body]);
      for (const name of Object.keys(COPIED).slice(3))
        expect([name, fields.get(name.toLowerCase())]).toEqual([name, undefined]);
    }
  });
});

function split(answer: string): [head: string | undefined, content: string] {
  const [head, ...content] = answer.split("\r\n\r\n");
  return [head, content.join("\r\n\r\n")];
}

function fieldsOf(head: string): ReadonlyMap<string, string> {
  const lines = head.split("\r\n").slice(1);
  return new Map(
    lines.map((line) => [line.slice(0, line.indexOf(":")).toLowerCase(), line.slice(line.indexOf(":") + 2)]),
  );
}
