import { randomBytes } from "node:crypto";
import zlib from "node:zlib";
import { describe, expect, it } from "vitest";
import { CODINGS, isAvailable } from "../../base/codings.js";
import type { Coding } from "../../base/codings.js";
import type { BodyReader } from "../../store/contract.js";
import { encode } from "./encode.js";

const NEVER = new AbortController().signal;
const ENOUGH = Number.POSITIVE_INFINITY;

function decode(coding: Coding, bytes: Buffer): Buffer {
  if (coding === "br") return zlib.brotliDecompressSync(bytes);
  if (coding === "gzip") return zlib.gunzipSync(bytes);
  return (zlib as unknown as { zstdDecompressSync(bytes: Buffer): Buffer }).zstdDecompressSync(bytes);
}

/** A body on a disk: its reader gives few bytes at a time, in a buffer that it uses again. */
function onDisk(body: Buffer, { shorter = 0, failing = false } = {}) {
  const used = Buffer.alloc(10_000);
  const state = { opened: 0, closed: 0 };
  const reader = (): BodyReader => {
    state.opened++;
    return {
      read: async (start, end) => {
        await Promise.resolve();
        if (failing) throw new Error("the disk fails");
        const length = body.copy(used, 0, start, Math.min(end, body.length - shorter, start + used.length));
        return used.subarray(0, length);
      },
      close: () => void state.closed++,
    };
  };
  return { entry: { body: undefined, bodyBytes: body.length, reader }, state };
}

function inMemory(body: Buffer) {
  return { body, bodyBytes: body.length, reader: () => onDisk(body).entry.reader() };
}

describe.each(CODINGS.filter(isAvailable))("a body in %s", (coding) => {
  const BODY = Buffer.from(randomBytes(60_000).toString("hex").repeat(3));

  it("is the same body when it is decoded, from memory and from the disk", async () => {
    const { entry, state } = onDisk(BODY);
    for (const given of [inMemory(BODY), entry]) {
      const coded = await encode(coding, given, ENOUGH, NEVER);
      expect(coded!.length).toBeLessThan(BODY.length);
      expect(decode(coding, coded!).equals(BODY)).toBe(true);
    }
    expect(state).toEqual({ opened: 1, closed: 1 });
  });

  it("is given up as soon as it gets too long", async () => {
    const { entry, state } = onDisk(randomBytes(300_000));
    expect(await encode(coding, entry, 200_000, NEVER)).toBeUndefined();
    expect(state).toEqual({ opened: 1, closed: 1 });
  });

  it.each([
    { given: "the disk fails", fault: { failing: true }, message: "the disk fails" },
    { given: "the body is cut short", fault: { shorter: 1 }, message: "shorter than it should be" },
  ])("is none when $given", async ({ fault, message }) => {
    const { entry, state } = onDisk(BODY, fault);
    await expect(encode(coding, entry, ENOUGH, NEVER)).rejects.toThrow(message);
    expect(state).toEqual({ opened: 1, closed: 1 });
  });

  it.each(["before it begins", "on its way"])("can be stopped %s", async (when) => {
    const stop = new AbortController();
    const { entry, state } = onDisk(BODY);
    if (when === "before it begins") stop.abort();
    const encoding = encode(coding, entry, ENOUGH, stop.signal);
    stop.abort();
    await expect(encoding).rejects.toMatchObject({ name: "AbortError" });
    expect(state).toEqual({ opened: 1, closed: 1 });
  });
});
