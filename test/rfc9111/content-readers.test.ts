/** The content that was read for the key, as whoever reads it next finds it: by every way a handler has. */
import { once } from "node:events";
import type { IncomingMessage, ServerResponse } from "node:http";
import { PassThrough } from "node:stream";
import { buffer, text } from "node:stream/consumers";
import { setImmediate as turn } from "node:timers/promises";
import express from "express";
import { describe, expect, it } from "vitest";
import { MESSAGES } from "../adapters/adapters.js";
import { openSite } from "../adapters/site.js";

type Read = (req: IncomingMessage, res: ServerResponse) => Promise<string>;

/** A body parser as Express has it, and as the ones of Koa are made. */
const parsed =
  (parser: (req: IncomingMessage, res: ServerResponse, next: (error?: unknown) => void) => void): Read =>
  (req, res) =>
    new Promise((resolve, reject) =>
      parser(req, res, (error) => (error === undefined ? resolve(bodyOf(req)) : reject(error))),
    );

function bodyOf(req: IncomingMessage): string {
  const { body } = req as { body?: unknown };
  return typeof body === "string" ? body : JSON.stringify(body);
}

const READERS: readonly { readonly by: string; readonly read: Read }[] = [
  { by: "express.json()", read: parsed(express.json({ type: () => true, limit: "2mb" }) as never) },
  { by: "express.text()", read: parsed(express.text({ type: () => true, limit: "2mb" }) as never) },
  { by: "iteration", read: (req) => text(req) },
  {
    by: "data events, some turns later",
    read: async (req) => {
      await turn();
      await turn();
      const chunks: Buffer[] = [];
      req.on("data", (chunk: Buffer) => chunks.push(chunk));
      await once(req, "end");
      return Buffer.concat(chunks).toString();
    },
  },
  {
    by: "readable events",
    read: async (req) => {
      let said = "";
      req.on("readable", () => {
        for (let chunk: Buffer | null; (chunk = req.read() as Buffer | null) !== null;) said += chunk.toString();
      });
      await once(req, "end");
      return said;
    },
  },
  { by: "a pipe", read: async (req) => (await buffer(req.pipe(new PassThrough()))).toString() },
  { by: "a decoding stream", read: async (req) => text(req.setEncoding("utf8")) },
];

const CONTENTS = [
  { length: "short", content: '{"q":"ä"}' },
  { length: "long", content: JSON.stringify({ q: "x".repeat(300_000) }) },
];
const CASES = READERS.flatMap((reader) => CONTENTS.map((content) => ({ ...reader, ...content })));

describe.each(MESSAGES)("$name: content that is part of the key", (adapter) => {
  it.each(CASES)("is read by $by, $length, as if nobody had read it", async ({ read, content }) => {
    const site = await openSite(adapter, {
      options: { ttl: "5m", methods: ["GET", "QUERY"] },
      handler: async ({ req, res }) => ({ body: await read(req, res) }),
    });
    const ask = (headers: Readonly<Record<string, string>>) =>
      site.visit("/", { method: "QUERY", body: content, headers });
    const answers = [await ask({}), await ask({}), await ask({ "transfer-encoding": "chunked" })];
    expect(answers.map((answer) => [answer.text === content, answer.isHit])).toEqual([
      [true, false],
      [true, true],
      [true, true],
    ]);
  });
});
