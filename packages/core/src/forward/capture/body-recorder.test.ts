import { createHash } from "node:crypto";
import { describe, expect, it } from "vitest";
import type { BodyReader, EntryHead, EntryWriter, Store } from "../../store/contract.js";
import { BodyRecorder } from "./body-recorder.js";

const HEAD = {} as EntryHead;
const LONG = 100_000;

/** A store that keeps what it is given in memory. */
class Shelf {
  readonly kept: Buffer[] = [];
  aborted = 0;
  open = 0;
  full = false;
  room = true;
  writer: EntryWriter | undefined;

  readonly store = {
    put: (_head: EntryHead, body: Buffer) => {
      this.kept.push(Buffer.from(body));
      return true;
    },
    storing: true,
    create: () => (this.full ? undefined : (this.writer = this.#create())),
  } as unknown as Store<unknown>;

  #create(): EntryWriter {
    const chunks: Buffer[] = [];
    const reader = (): BodyReader => {
      this.open++;
      return { read: async (start, end) => Buffer.concat(chunks).subarray(start, end), close: () => void this.open-- };
    };
    return {
      failed: false,
      onDrain: undefined,
      write: (chunk) => {
        chunks.push(chunk);
        return this.room;
      },
      commit: async () => {
        this.kept.push(Buffer.concat(chunks));
        return true;
      },
      abort: () => void this.aborted++,
      reader,
    };
  }
}

function record(shelf: Shelf, maxBytes = 10 * LONG): BodyRecorder {
  return new BodyRecorder(shelf.store, "key", maxBytes);
}

describe("a body that is recorded", () => {
  it.each([
    { size: "nothing", chunks: [], whole: 0 },
    { size: "short", chunks: [3, 4], whole: 7 },
    { size: "long", chunks: [LONG, 1, LONG], whole: 2 * LONG + 1 },
  ])("is kept as it came when it is $size", async ({ chunks, whole }) => {
    const shelf = new Shelf();
    const recorder = record(shelf);
    for (const [index, bytes] of chunks.entries()) recorder.write(Buffer.alloc(bytes, index + 1));
    expect(await recorder.keep(HEAD)).toBe(true);
    const body = Buffer.concat(chunks.map((bytes, index) => Buffer.alloc(bytes, index + 1)));
    expect([shelf.kept.length, Buffer.concat(shelf.kept).equals(body)]).toEqual([1, true]);
    expect(recorder.bytes).toBe(whole);
  });

  it("has the same tag whether it was in memory at once or came in pieces", () => {
    const tagOf = (bytes: Buffer) =>
      `"${bytes.length.toString(16)}-${createHash("sha1").update(bytes).digest("base64").slice(0, 27)}"`;
    for (const bytes of [1000, 2 * LONG]) {
      const recorder = record(new Shelf());
      recorder.write(Buffer.alloc(bytes / 2, "a"));
      recorder.write(Buffer.alloc(bytes / 2, "b"));
      expect(recorder.entityTag()).toBe(
        tagOf(Buffer.concat([Buffer.alloc(bytes / 2, "a"), Buffer.alloc(bytes / 2, "b")])),
      );
    }
  });

  it.each([
    { given: "too long", recorder: (shelf: Shelf) => record(shelf, 10), bytes: 11, why: "too-long" },
    {
      given: "long, and the store takes none",
      recorder: (shelf: Shelf) => record(Object.assign(shelf, { full: true })),
      bytes: LONG,
      why: "store",
    },
  ])("is given up when it is $given", async ({ recorder, bytes, why }) => {
    const shelf = new Shelf();
    const recording = recorder(shelf);
    expect(recording.write(Buffer.alloc(bytes))).toBe(true);
    expect([recording.givenUp, await recording.keep(HEAD), shelf.kept]).toEqual([why, false, []]);
  });

  it.each([
    { size: "short", bytes: 10, crowded: true, taken: true },
    { size: "long", bytes: LONG, crowded: true, taken: false },
    { size: "long", bytes: LONG, crowded: false, taken: true },
  ])("and is $size is announced as taken: $taken, while the store is crowded: $crowded", (given) => {
    const shelf = new Shelf();
    Object.assign(shelf.store, { crowded: given.crowded });
    expect(record(shelf).takes(given.bytes)).toBe(given.taken);
  });

  it("is as long as it may be, and no byte longer", async () => {
    const shelf = new Shelf();
    const recorder = record(shelf, 10);
    recorder.write(Buffer.alloc(10));
    expect(await recorder.keep(HEAD)).toBe(true);
  });

  it("makes its sender wait while the disk is behind, and says when it is not", () => {
    const shelf = new Shelf();
    shelf.room = false;
    const recorder = record(shelf);
    let drained = 0;
    recorder.onDrain = () => void drained++;
    expect(recorder.write(Buffer.alloc(LONG))).toBe(false);
    shelf.writer!.onDrain!();
    expect(drained).toBe(1);
  });

  it("that is aborted leaves nothing, and lets go of those who wait for room", () => {
    const shelf = new Shelf();
    const recorder = record(shelf);
    let drained = 0;
    recorder.onDrain = () => void drained++;
    recorder.write(Buffer.alloc(LONG));
    recorder.abort();
    expect([shelf.aborted, shelf.kept, drained, recorder.keep(HEAD)]).toEqual([1, [], 1, false]);
  });
});

describe("whoever reads along", () => {
  it.each([
    { when: "from the beginning", before: 0 },
    { when: "after a few bytes", before: 10 },
    { when: "after many bytes", before: LONG },
  ])("gets every byte, having come $when", async ({ before }) => {
    const shelf = new Shelf();
    const recorder = record(shelf);
    if (before > 0) recorder.write(Buffer.alloc(before, "b"));
    const reader = recorder.reader();
    const read = readAll(reader);
    recorder.write(Buffer.alloc(LONG, "c"));
    recorder.write(Buffer.from("end"));
    await recorder.keep(HEAD);
    const whole = Buffer.concat([Buffer.alloc(before, "b"), Buffer.alloc(LONG, "c"), Buffer.from("end")]);
    expect((await read).equals(whole)).toBe(true);
    reader.close();
    reader.close();
    expect(shelf.open).toBe(0);
  });

  it("is told that the body is not whole", async () => {
    const recorder = record(new Shelf());
    const reader = recorder.reader();
    recorder.write(Buffer.from("half"));
    expect((await reader.read(0, 100)).toString()).toBe("half");
    const more = reader.read(4, 100);
    recorder.abort();
    await expect(more).rejects.toThrow("cut short");
  });

  it("gets a body that is too long to keep", async () => {
    const shelf = new Shelf();
    const recorder = record(shelf, 10);
    const read = readAll(recorder.reader());
    recorder.write(Buffer.alloc(8));
    recorder.write(Buffer.alloc(8));
    expect(await recorder.keep(HEAD)).toBe(false);
    await expect(read).resolves.toHaveLength(16);
  });

  it("gets a body that is whole and not to be kept after all", async () => {
    const shelf = new Shelf();
    const recorder = record(shelf);
    const read = readAll(recorder.reader());
    recorder.write(Buffer.alloc(LONG));
    recorder.finish();
    expect([(await read).length, shelf.kept, shelf.aborted]).toEqual([LONG, [], 1]);
  });

  it("waits no longer for a first piece once it is dismissed, and goes on if it has had one", async () => {
    const recorder = record(new Shelf());
    const waiting = recorder.reader().read(0, 100);
    recorder.dismissUnbegun();
    await expect(waiting).rejects.toThrow("cut short");
    recorder.write(Buffer.from("first"));
    const begun = recorder.reader();
    expect(String(await begun.read(0, 100))).toBe("first");
    const more = begun.read(5, 100);
    recorder.dismissUnbegun();
    recorder.write(Buffer.from("second"));
    expect(String(await more)).toBe("second");
  });

  it("and comes too late for what was given up is not told that there was nothing", async () => {
    const recorder = record(new Shelf(), 10);
    recorder.write(Buffer.alloc(11));
    await expect(recorder.reader().read(0, 100)).rejects.toThrow("cut short");
  });
});

async function readAll(reader: BodyReader): Promise<Buffer> {
  const pieces: Buffer[] = [];
  for (let at = 0; ;) {
    const piece = await reader.read(at, Number.POSITIVE_INFINITY);
    if (piece.length === 0) return Buffer.concat(pieces);
    pieces.push(Buffer.from(piece));
    at += piece.length;
  }
}

describe("a body that is given up while others read along", () => {
  const MB = 1024 * 1024;

  /** A store whose writer takes so many bytes, and then fails. */
  function failingAfter(bytes: number): Shelf {
    const shelf = new Shelf();
    const { create } = shelf.store;
    shelf.store.create = (key) => {
      const writer = create.call(shelf.store, key)!;
      const { write } = writer;
      let taken = 0;
      return Object.assign(writer, {
        write: (chunk: Buffer) => {
          if (taken + chunk.length > bytes) return Object.assign(writer, { failed: true }) !== undefined;
          taken += chunk.length;
          return write.call(writer, chunk);
        },
      });
    };
    return shelf;
  }

  it.each([
    { given: "the writer fails", recorder: () => record(failingAfter(3 * LONG)) },
    { given: "the writer takes nothing", recorder: () => record(failingAfter(0)) },
    { given: "the store takes none", recorder: () => record(Object.assign(new Shelf(), { full: true })) },
    { given: "it becomes too long", recorder: () => record(new Shelf(), 3 * LONG) },
    { given: "it is too long before anything is written", recorder: () => record(new Shelf(), 10) },
  ])("because $given goes on from memory, every byte of it", async ({ recorder }) => {
    const recording = recorder();
    const read = readAll(recording.reader());
    for (let n = 0; n < 10; n++) {
      recording.write(Buffer.alloc(LONG, n));
      await new Promise(setImmediate);
    }
    expect([recording.wanted, await recording.keep(HEAD)]).toEqual([true, false]);
    const whole = Buffer.concat(Array.from({ length: 10 }, (_, n) => Buffer.alloc(LONG, n)));
    expect((await read).equals(whole)).toBe(true);
  });

  it("is lost for those who are too far behind, and they are told", async () => {
    const recording = record(failingAfter(0));
    const reader = recording.reader();
    for (let n = 0; n < 6; n++) expect(recording.write(Buffer.alloc(MB))).toBe(true);
    recording.finish();
    await expect(reader.read(0, MB)).rejects.toThrow("cut short");
  });

  it("is not lost for the client that the handler answers: the handler waits until the client has caught up", async () => {
    const recording = record(failingAfter(0), 100 * MB);
    const client = recording.reader(true);
    let drained = 0;
    recording.onDrain = () => void drained++;
    expect([0, 1, 2].map(() => recording.write(Buffer.alloc(MB)))).toEqual([true, false, false]);
    let at = 0;
    while (at < 3 * MB) at += (await client.read(at, 3 * MB)).length;
    expect(drained).toBe(1);
    const more = client.read(at, Number.POSITIVE_INFINITY);
    recording.write(Buffer.from("end"));
    expect((await more).toString()).toBe("end");
  });

  it("is of use to nobody once the last of them has left", () => {
    const recording = record(failingAfter(0), 100 * MB);
    const client = recording.reader(true);
    recording.write(Buffer.alloc(2 * MB));
    expect(recording.wanted).toBe(true);
    client.close();
    expect([recording.wanted, recording.followers]).toEqual([false, 0]);
  });
});
