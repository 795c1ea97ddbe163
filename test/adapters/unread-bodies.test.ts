/** A stored body that cannot be read: while nothing has been sent, the application answers. */
import fs, { writeFileSync, readFileSync } from "node:fs";
import { buffer } from "node:stream/consumers";
import { describe, expect, it, vi } from "vitest";
import { entryFiles } from "../support/entry-files.js";
import type { VisitOptions } from "../support/visit.js";
import { EVERY_ADAPTER } from "./adapters.js";
import { openSite } from "./site.js";
import type { Site } from "./site.js";

/** Long enough to be read in pieces. */
const BODY = Buffer.alloc(200_000, "0123456789");

const CALLS = ["open", "openSync", "read", "readSync", "fstat", "fstatSync"] as const;

/** From the call of this number on, the first being 0, or this one alone, the disk fails. Says how often it has. */
function failing(code: string, at: number, going: boolean): { failed: number } {
  const told = { failed: 0 };
  let calls = 0;
  for (const name of CALLS) {
    const real = fs[name] as (...given: unknown[]) => unknown;
    vi.spyOn(fs, name).mockImplementation((...given: unknown[]): unknown => {
      const call = calls++;
      if (going ? call < at : call !== at) return Reflect.apply(real, fs, given);
      told.failed++;
      const error = Object.assign(new Error(`${code}: injected into ${name}`), { code });
      if (name.endsWith("Sync")) throw error;
      setImmediate(() => (given.at(-1) as (error: Error) => void)(error));
      return undefined;
    });
  }
  return told;
}

async function openStored(adapter: (typeof EVERY_ADAPTER)[number], front: boolean): Promise<Site> {
  const site = await openSite(adapter, {
    front,
    handler: () => ({ headers: { "Content-Type": "text/plain", ETag: '"one"' }, body: BODY }),
  });
  const stored = new Promise((resolve) => site.cache.on("stored", resolve));
  await site.visit("/");
  await stored;
  await onDisk(site);
  expect((await site.visit("/")).isHit).toBe(true);
  return site;
}

async function onDisk(site: Site): Promise<void> {
  while ((await site.cache.stats()).pendingWrites > 0) await new Promise(setImmediate);
}

interface Asked {
  readonly asked: string;
  readonly options: VisitOptions;
  readonly status: number;
  readonly body: Buffer;
}

const ASKED: readonly Asked[] = [
  { asked: "the whole", options: {}, status: 200, body: BODY },
  { asked: "a part", options: { headers: { range: "bytes=150000-150009" } }, status: 206, body: BODY.subarray(0, 10) },
];

// Where the handler does not say how long its body is, the whole is an answer to a range, too.
function answers({ status, body }: Asked, given: number, bytes: Buffer): boolean {
  return (given === status && body.equals(bytes)) || (given === 200 && BODY.equals(bytes));
}

describe.each(EVERY_ADAPTER)("$name", (adapter) => {
  describe.each([{ front: false }, { front: true }])("with `front`: $front", ({ front }) => {
    describe.each(["EIO", "EMFILE"])("a disk that answers %s", (code) => {
      it.each(ASKED)("never resets a client that asks for $asked and has had nothing", async (asked) => {
        const site = await openStored(adapter, front);
        for (const going of [false, true]) {
          for (let at = 0, failed = 1; failed > 0; at++) {
            const disk = failing(code, at, going);
            const message = await site.begin("/", asked.options);
            const body = await buffer(message).catch(() => "broken" as const);
            vi.restoreAllMocks();
            ({ failed } = disk);
            if (body !== "broken") expect(answers(asked, message.statusCode!, body)).toBe(true);
            // After a fault, storing rests for a moment.
            while (!(await site.visit("/")).isHit) await onDisk(site);
          }
        }
        expect((await site.visit("/")).isHit).toBe(true);
      });
    });

    it("answers as on a miss when the first piece is damaged, and keeps the page anew", async () => {
      const site = await openStored(adapter, front);
      const renders = site.renders;
      const [file] = entryFiles(site.dir);
      const bytes = readFileSync(file!);
      bytes[bytes.length - 199_000]! ^= 1;
      // In place of the entry, so that nothing but its body differs.
      writeFileSync(file!, bytes);
      const answer = await site.visit("/");
      expect([answer.status, answer.body.equals(BODY)]).toEqual([200, true]);
      expect(answer.cacheStatus).toMatch(/^diskcache; fwd=uri-miss; /);
      expect(site.renders).toBe(renders + 1);
      await onDisk(site);
      expect((await site.visit("/")).isHit).toBe(true);
    });

    it("counts no hit for a body that could not be read", async () => {
      const site = await openStored(adapter, front);
      const { hits, forwards } = await site.cache.stats();
      const read = fs.read;
      vi.spyOn(fs, "read").mockImplementation((...given: unknown[]) => {
        const error = Object.assign(new Error("EIO"), { code: "EIO" });
        // Heads begin where the file does: a disk that has been slow is asked for them the same way.
        if (given[4] === 0) Reflect.apply(read, fs, given);
        else setImmediate(() => (given.at(-1) as (error: Error) => void)(error));
      });
      const answer = await site.visit("/");
      vi.restoreAllMocks();
      expect([answer.body.equals(BODY), answer.cacheStatus]).toEqual([
        true,
        expect.stringMatching(/^diskcache; fwd=uri-miss; (?:stored|storing); detail=unreadable$/),
      ]);
      expect(await site.cache.stats()).toMatchObject({ hits, forwards: forwards + 1 });
    });
  });
});
