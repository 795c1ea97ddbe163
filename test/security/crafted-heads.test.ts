/** Response splitting and worse from a file with a valid checksum: what it says of status and fields is not believed. */
import { createServer } from "node:http";
import { createServer as createRawServer } from "node:net";
import type { AddressInfo } from "node:net";
import { once } from "node:events";
import { describe, expect, it, onTestFinished } from "vitest";
import { ADAPTERS } from "../adapters/adapters.js";
import { openSite } from "../adapters/site.js";
import { entryFiles } from "../support/entry-files.js";
import { exchangeBytes, visit } from "../support/visit.js";
import { craft, written } from "./crafted.js";

const STATUS = 1;
const NUMBERS = 2;
const FLAGS = 3;
const VARY = 4;
const OUTER = 5;
const FIRST_FIELD = 8;

/** What an attacker writes into the lines of a stored response (stored-response.ts). */
const HEADS: readonly { readonly given: string; readonly change: (lines: string[]) => void }[] = [
  { given: "a carriage return in a field value", change: (lines) => lines.push("X-A", "a\rSet-Cookie: sid=evil") },
  { given: "a carriage return in a field name", change: (lines) => lines.push("X-A: a\rSet-Cookie", "sid=evil") },
  { given: "a field name with a colon and a space", change: (lines) => lines.push("X-A: b, X-B", "c") },
  { given: "an empty field name", change: (lines) => lines.push("", "sid=evil") },
  { given: "a field name that is not ASCII", change: (lines) => lines.push("X-Ä", "a") },
  { given: "NUL in a field value", change: (lines) => lines.push("X-A", "a\0b") },
  {
    given: "letters beyond Latin-1, whose low bytes are a line break",
    change: (lines) => lines.push("X-A", "a\u010d\u010ab"),
  },
  { given: "a field without a value", change: (lines) => lines.push("X-A") },
  { given: "another framing", change: (lines) => lines.push("Transfer-Encoding", "chunked") },
  { given: "another protocol", change: (lines) => lines.push("Connection", "upgrade", "Upgrade", "websocket") },
  { given: "a line break in the reason phrase", change: (lines) => (lines[STATUS] = "200 OK\rSet-Cookie: sid=evil") },
  { given: "an interim status", change: (lines) => (lines[STATUS] = "101 Switching Protocols") },
  { given: "a status of four digits", change: (lines) => (lines[STATUS] = "9999 Much") },
  { given: "a status that is no number", change: (lines) => (lines[STATUS] = "OK") },
  { given: "a negative status", change: (lines) => (lines[STATUS] = "-20 OK") },
  { given: "an endless lifetime", change: (lines) => (lines[NUMBERS] = "0 0 Infinity 0 0 0 0") },
  { given: "no lifetime", change: (lines) => (lines[NUMBERS] = "") },
  { given: "numbers that are none", change: (lines) => (lines[NUMBERS] = "a b c d e f g") },
  { given: "unknown flags", change: (lines) => (lines[FLAGS] = "constructor") },
  { given: "nothing but its kind", change: (lines) => lines.splice(1) },
  { given: "another kind", change: (lines) => (lines[0] = "__proto__") },
];

describe("a naive cache", () => {
  it("splits the response, or throws, when it believes what is stored", async () => {
    const lines = ["r", "200 OK", "", "", "", "", "", "", "X-A", "a\r\nSet-Cookie: sid=evil\r\n\r\n<script>"];
    const fields = [`${lines[FIRST_FIELD]}: ${lines[FIRST_FIELD + 1]}`];
    const socketServer = createRawServer((socket) => {
      socket.once("data", () => socket.end(`HTTP/1.1 ${lines[STATUS]}\r\n${fields.join("\r\n")}\r\n\r\npage`));
    }).listen(0, "127.0.0.1");
    await once(socketServer, "listening");
    onTestFinished(() => void socketServer.close());
    const origin = `http://127.0.0.1:${(socketServer.address() as AddressInfo).port}`;
    expect(await exchangeBytes(origin, "GET / HTTP/1.1\r\n\r\n")).toContain("\r\nSet-Cookie: sid=evil\r\n\r\n<script>");

    const thrown: unknown[] = [];
    const server = createServer((_, res) => {
      try {
        res.writeHead(200, lines.slice(FIRST_FIELD));
      } catch (error) {
        thrown.push(error);
      }
      res.end();
    }).listen(0, "127.0.0.1");
    await once(server, "listening");
    onTestFinished(() => void server.close());
    await visit(`http://127.0.0.1:${(server.address() as AddressInfo).port}`, "/", {
      headers: { connection: "close" },
    });
    expect(thrown).toEqual([expect.objectContaining({ code: "ERR_INVALID_CHAR" })]);
  });
});

describe.each(ADAPTERS)("$name: a stored head", (adapter) => {
  /** A site with one page on disk, and a way to put another file in its place. */
  async function open() {
    const site = await openSite(adapter, { options: { ttl: "1h", memory: 0 } });
    const plant = async (change: Parameters<typeof craft>[1]): Promise<void> => {
      await site.visit("/");
      await written(site.cache);
      craft(entryFiles(site.dir)[0]!, change);
    };
    return { site, plant };
  }

  it("that nobody could send as it stands is a miss, told and gone", async () => {
    const { site, plant } = await open();
    for (const { given, change } of HEADS) {
      const before = site.errors.length;
      await plant(({ head }) => {
        const lines = head.meta.split("\n");
        change(lines);
        return { head: { ...head, meta: lines.join("\n") } };
      });
      const { renders } = site;
      const answer = await site.visit("/");
      expect([answer.status, answer.text, answer.isHit], `with ${given}`).toEqual([
        200,
        `render ${renders + 1}`,
        false,
      ]);
      expect(answer.lines("set-cookie"), `with ${given}`).toEqual([]);
      expect(site.errors.slice(before), `with ${given}`).toEqual([
        expect.objectContaining({ code: "ERR_DISKCACHE_CORRUPT_ENTRY" }),
      ]);
      // What was rendered instead has taken its place.
      expect((await site.visit("/")).isHit, `after ${given}`).toBe(true);
    }
  });

  it("with lengths of its own is sent with that of its body", async () => {
    const { site, plant } = await open();
    await plant(({ head }) => ({
      head: { ...head, meta: `${head.meta}\nContent-Length\n3\ncontent-length\n1000` },
      body: Buffer.from("0123456789"),
    }));
    const answer = await site.visit("/");
    expect([answer.isHit, answer.text, answer.lines("content-length")]).toEqual([true, "0123456789", ["10"]]);
  });

  it("with names that every object has touches no object, and is purged by them", async () => {
    const { site, plant } = await open();
    const names = ["__proto__", "constructor", "toString", "hasOwnProperty"];
    await plant(({ head }) => {
      const lines = head.meta.split("\n");
      lines[VARY] = names.join(",");
      lines[OUTER] = `${names.join(",")};${names.join(",")}`;
      for (const name of names) lines.push(name, "evil");
      return { head: { ...head, meta: lines.join("\n"), tags: names } };
    });
    expect((await site.visit("/")).isHit).toBe(true);
    expect(({} as Record<string, unknown>)["evil"]).toBeUndefined();
    expect(Object.keys(Object.prototype)).toEqual([]);
    await site.cache.purgeTag("__proto__");
    expect((await site.visit("/")).isHit).toBe(false);
  });
});
