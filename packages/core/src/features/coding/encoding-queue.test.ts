import { brotliDecompressSync } from "node:zlib";
import { describe, expect, it, vi } from "vitest";
import type { CacheContext } from "../../page-cache/context.js";
import { Observer } from "../../base/observer.js";
import type { EntryHead, KeyLock, StoreEntry } from "../../store/contract.js";
import { decodeStoredValue } from "../../stored/stored-value.js";
import type { StoredResponse } from "../../stored/stored-response.js";
import { EncodingQueue } from "./encoding-queue.js";
import type { Made, Wanted } from "./encoding-queue.js";

const WANTED: Wanted = { responseKey: "page", key: "page br", coding: "br" };
const BODY = Buffer.from("a page, ".repeat(500));

function response(body: Buffer, bodyTag: string): StoreEntry<StoredResponse> {
  const head = { key: "page", name: "/", storedAt: 1, expiresAt: 1000, birth: 7, tags: ["t"], scope: "a", meta: "" };
  const value = { kind: "response", offer: { codings: ["br"], bodyTag } } as unknown as StoredResponse;
  return { head, value, body, bodyBytes: body.length, softPurged: false, reader: () => expect.fail("it is in memory") };
}

/** A store with one page in it, and what was put there. */
function open(page: StoreEntry<StoredResponse> | undefined, lock?: KeyLock | "held") {
  const put: { readonly head: EntryHead; readonly body: Buffer }[] = [];
  const entries = new Map<string, unknown>(page && [["page", page]]);
  const store = {
    lock: vi.fn<() => KeyLock | "held" | undefined>(() => lock),
    get: (key: string) => entries.get(key),
    getLatest: (key: string) => entries.get(key),
    put: (head: EntryHead, body: Buffer) => put.push({ head, body }) > 0,
  };
  const told: [Wanted, Made][] = [];
  const waiting: (() => void)[] = [];
  const observer = new Observer();
  const errors: unknown[] = [];
  observer.on("error", (error) => errors.push(error));
  const queue = new EncodingQueue({ store, observer } as unknown as CacheContext, (wanted, made) => {
    told.push([wanted, made]);
    for (const resolve of waiting.splice(0)) resolve();
  });
  const made = async (count: number) => {
    while (told.length < count) await new Promise<void>((resolve) => waiting.push(resolve));
    return told.map(([, what]) => what);
  };
  return { queue, store, entries, put, told, made, errors };
}

describe("a wanted coded body", () => {
  it("is kept under the page's own labels and birth, and knows what it was made from", async () => {
    const { queue, put, made } = open(response(BODY, '"1"'));
    expect(queue.want(WANTED)).toBe(true);
    expect(await made(1)).toEqual(["settled"]);
    const [{ head, body }] = put as [(typeof put)[0]];
    expect(brotliDecompressSync(body).equals(BODY)).toBe(true);
    expect(head).toMatchObject({ key: "page br", scope: "a", name: "/", tags: ["t"], storedAt: 1, birth: 7 });
    expect(head.expiresAt).toBeGreaterThan(1000);
    expect(decodeStoredValue(head)).toMatchObject({ coding: "br", bodyTag: '"1"', worthIt: true });
  });

  it("is made from the page as it is when its turn comes, and bound to that", async () => {
    const { queue, entries, put, made } = open(response(BODY, '"1"'));
    queue.want(WANTED);
    entries.set("page", response(Buffer.from("another, ".repeat(500)), '"2"'));
    await made(1);
    expect(decodeStoredValue(put.at(0)!.head)).toMatchObject({ bodyTag: '"2"' });
    expect(brotliDecompressSync(put.at(0)!.body).toString()).toMatch(/^another/);
  });

  it("is bound to what it was made from when the page is replaced in the meantime", async () => {
    const { queue, entries, put, made } = open(response(BODY, '"1"'));
    queue.want(WANTED);
    const { reader: _reader, ...page } = response(BODY, '"1"');
    entries.set("page", {
      ...page,
      body: undefined,
      reader: () => ({
        read: async (start: number, end: number) => {
          entries.set("page", response(Buffer.from("another"), '"2"'));
          return BODY.subarray(start, end);
        },
        close: () => undefined,
      }),
    });
    await made(1);
    expect(decodeStoredValue(put.at(0)!.head)).toMatchObject({ bodyTag: '"1"' });
    expect(brotliDecompressSync(put.at(0)!.body).equals(BODY)).toBe(true);
  });

  it("is made once, however often it is wanted", async () => {
    const { queue, store, made } = open(response(BODY, '"1"'));
    expect([queue.want(WANTED), queue.want(WANTED)]).toEqual([true, true]);
    await made(1);
    expect(store.lock).toHaveBeenCalledTimes(1);
  });

  it("is refused when many wait already", () => {
    const { queue } = open(undefined);
    const taken = Array.from({ length: 70 }, (_, n) => queue.want({ ...WANTED, key: `page ${n}` }));
    expect(taken.filter(Boolean).length).toBe(64);
    void queue.close();
  });

  it.each([
    { given: "the page is gone", page: undefined, made: "gone" },
    { given: "the page has become short", page: response(Buffer.from("x"), '"1"'), made: "failed" },
  ])("is not made when $given", async ({ page, made: expected }) => {
    const { queue, put, made } = open(page);
    queue.want(WANTED);
    expect(await made(1)).toEqual([expected]);
    expect(put).toEqual([]);
  });

  it("is left to the process that is at it", async () => {
    const { queue, put, made } = open(response(BODY, '"1"'), "held");
    queue.want(WANTED);
    expect(await made(1)).toEqual(["elsewhere"]);
    expect(put).toEqual([]);
  });

  it("is not made again when another process has just done so, and the lock is given back", async () => {
    const release = vi.fn<() => void>();
    const { queue, entries, put, made } = open(response(BODY, '"1"'), { release });
    entries.set("page br", { value: { kind: "coded", bodyTag: '"1"' } });
    queue.want(WANTED);
    expect(await made(1)).toEqual(["settled"]);
    entries.set("page br", { value: { kind: "coded", bodyTag: '"0"' } });
    queue.want(WANTED);
    expect(await made(2)).toEqual(["settled", "settled"]);
    expect([put.length, release.mock.calls.length]).toEqual([1, 2]);
  });

  it("that cannot be made is an event and nothing worse", async () => {
    const release = vi.fn<() => void>();
    const { queue, entries, put, made, errors } = open(undefined, { release });
    const fails = () => {
      throw new Error("no file");
    };
    entries.set("page", { ...response(BODY, '"1"'), body: undefined, reader: fails });
    queue.want(WANTED);
    expect(await made(1)).toEqual(["failed"]);
    expect([put.length, errors.length, release.mock.calls.length]).toEqual([0, 1, 1]);
  });

  it("is given up when the queue is closed, without a word", async () => {
    const { queue, put, told, errors } = open(response(Buffer.alloc(4_000_000, "page"), '"1"'));
    queue.want(WANTED);
    await queue.close();
    await queue.close();
    expect([queue.want(WANTED), put, told, errors]).toEqual([false, [], [], []]);
  });
});
