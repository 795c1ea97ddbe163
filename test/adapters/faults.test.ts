/** Never in the way: whatever goes wrong with directory, files or the operator's own functions, every client gets its
 * page. */
import fs, {
  chmodSync,
  mkdirSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
  readFileSync,
  readdirSync,
} from "node:fs";
import { createServer } from "node:http";
import { join } from "node:path";
import { Readable } from "node:stream";
import { describe, expect, it, onTestFinished, vi } from "vitest";
import { temporaryDirectory } from "../support/temporary-directory.js";
import { EVERY_ADAPTER, incoming } from "./adapters.js";
import { entryFiles, filesBelow } from "../support/entry-files.js";
import { openSite } from "./site.js";
import type { Site } from "./site.js";

const MIB = 1024 * 1024;

const UNUSABLE: readonly { readonly given: string; readonly make: (at: string) => string }[] = [
  {
    given: "is a file",
    make: (at) => {
      writeFileSync(join(at, "cache"), "a file");
      return join(at, "cache");
    },
  },
  {
    given: "lies below a file",
    make: (at) => {
      writeFileSync(join(at, "file"), "a file");
      return join(at, "file", "cache");
    },
  },
  {
    given: "is a symbolic link",
    make: (at) => {
      mkdirSync(join(at, "elsewhere"));
      symlinkSync(join(at, "elsewhere"), join(at, "cache"));
      return join(at, "cache");
    },
  },
  {
    given: "can be written by everybody",
    make: (at) => {
      mkdirSync(join(at, "cache"));
      chmodSync(join(at, "cache"), 0o777);
      return join(at, "cache");
    },
  },
];

describe.each(EVERY_ADAPTER)("$name: a disk that is far behind", (adapter) => {
  it("takes no other long page, which is said, and a short one all the same", async () => {
    const { writev } = fs;
    const held: (() => void)[] = [];
    const bodies: Record<string, Buffer> = { "/much": Buffer.alloc(65 * MIB), "/long": Buffer.alloc(MIB) };
    const site = await openSite(adapter, {
      options: { ttl: 60, maxSize: "16gb" },
      handler: ({ req }) => {
        const body = bodies[req.url!] ?? Buffer.from("short");
        return { headers: { "Content-Type": "application/x", "Content-Length": String(body.length) }, body };
      },
    });
    const disk = vi.spyOn(fs, "writev").mockImplementation((...given: unknown[]) => {
      held.push(() => void Reflect.apply(writev, fs, given));
    });
    const catchUp = (): void => {
      disk.mockRestore();
      for (const go of held.splice(0)) go();
    };
    onTestFinished(catchUp);
    (await site.begin("/much")).destroy();
    expect((await site.visit("/long")).cacheStatus).toBe("diskcache; fwd=uri-miss; detail=store");
    expect((await site.visit("/short")).isStored).toBe(true);
    catchUp();
    while (!(await site.visit("/long")).isStored);
    expect((await site.visit("/long")).isHit).toBe(true);
  });
});

describe.each(EVERY_ADAPTER)("$name: a directory that", (adapter) => {
  it.each(UNUSABLE)("$given leaves a cache that forwards everything, and says so", async ({ make }) => {
    const site = await openSite(adapter, { options: { ttl: 60, dir: make(temporaryDirectory()) } });
    for (const n of [1, 2]) {
      const answer = await site.visit("/");
      expect([answer.status, answer.text, answer.isHit]).toEqual([200, `render ${n}`, false]);
    }
    expect(site.errors).toContainEqual(
      expect.objectContaining({ name: "DiskCacheError", message: expect.stringContaining(site.dir) as string }),
    );
  });

  it.each(UNUSABLE)("$given is warned of once where nobody listens, and is why nothing is stored", async ({ make }) => {
    const warned = vi.spyOn(process, "emitWarning").mockImplementation(() => {});
    const dir = make(temporaryDirectory());
    const { cache, listen } = adapter.create({ dir, ttl: 60, audit: false });
    const handler = () => ({ headers: { "Content-Type": "text/plain" }, body: Readable.from(["page"]) });
    const server = createServer(listen({ handler }));
    const reasons: string[] = [];
    cache.on("not-stored", ({ reason }) => reasons.push(reason));
    await cache.warm(["http://site.example/", "http://site.example/"], { server, concurrency: 1 });
    await cache.close();
    expect(reasons).toEqual(["store", "store"]);
    expect(warned.mock.calls).toEqual([
      [expect.stringContaining(dir), expect.objectContaining({ code: "ERR_DISKCACHE_DIRECTORY" })],
    ]);
  });

  it.each(UNUSABLE)("$given is refused at once when the operator is strict", ({ make }) => {
    const dir = make(temporaryDirectory());
    expect(() => adapter.create({ dir, strict: true })).toThrow(
      expect.objectContaining({ code: "ERR_DISKCACHE_DIRECTORY", message: expect.stringContaining(dir) as string }),
    );
  });

  it("is removed while the server runs costs the pages, and nothing else", async () => {
    const site = await openSite(adapter, { options: { ttl: 60, memory: 0 } });
    await stored(site, "/");
    rmSync(site.dir, { recursive: true });
    for (const target of ["/", "/other"]) expect((await site.visit(target)).status).toBe(200);
    await stored(site, "/new");
    expect((await site.visit("/new")).isHit).toBe(true);
  });

  it("has a file in place of a folder of its own keeps less, and serves everything", async () => {
    const site = await openSite(adapter, { options: { ttl: 60, memory: 0 } });
    await stored(site, "/0");
    for (let n = 0; n < 256; n++) {
      const shard = join(site.dir, n.toString(16).padStart(2, "0"));
      rmSync(shard, { recursive: true, force: true });
      writeFileSync(shard, "in the way");
    }
    for (let n = 0; n < 5; n++) expect(await site.visit(`/${n}`)).toMatchObject({ status: 200 });
    await site.close();
    expect(site.errors.length).toBeGreaterThan(0);
  });

  it("is made by the cache belongs to its owner alone, files included", async () => {
    const site = await openSite(adapter, { options: { ttl: 60, dir: join(temporaryDirectory(), "deep", "cache") } });
    await stored(site, "/");
    const modes = new Set(filesBelow(site.dir).map((file) => statSync(file).mode & 0o777));
    expect([statSync(site.dir).mode & 0o777, ...modes]).toEqual([0o700, 0o600]);
    expect(readdirSync(site.dir)).toEqual(expect.arrayContaining(["CACHEDIR.TAG", ".gitignore"]));
  });
});

const DAMAGES: readonly { readonly how: string; readonly damage: (file: string) => void }[] = [
  { how: "cut short", damage: (file) => truncateSync(file, statSync(file).size - 3) },
  { how: "emptied", damage: (file) => truncateSync(file, 0) },
  { how: "filled up with zeros", damage: (file) => writeFileSync(file, Buffer.alloc(statSync(file).size)) },
  { how: "one bit flipped in its body", damage: (file) => flip(file, -2) },
  { how: "one bit flipped in its beginning", damage: (file) => flip(file, 6) },
  { how: "one bit flipped in its middle", damage: (file) => flip(file, Math.floor(statSync(file).size / 2)) },
  { how: "replaced by something else", damage: (file) => writeFileSync(file, "not a cache file") },
];

describe.each(EVERY_ADAPTER)("$name: a stored file", (adapter) => {
  it.each(DAMAGES)("$how is a miss and an event, and the file is gone", async ({ damage }) => {
    const site = await openSite(adapter, {
      options: { ttl: 60, memory: 0 },
      handler: () => ({ headers: { "Content-Type": "text/plain" }, body: "the page ".repeat(100) }),
    });
    const first = await stored(site, "/");
    const [file] = entryFiles(site.dir);
    damage(file!);
    const answer = await site.visit("/");
    expect([answer.status, answer.text === first, answer.isHit]).toEqual([200, true, false]);
    expect(site.errors).toContainEqual(expect.objectContaining({ code: "ERR_DISKCACHE_CORRUPT_ENTRY" }));
    expect((await site.cache.stats()).corrupt).toBe(1);
    await stored(site, "/");
    expect((await site.visit("/")).isHit).toBe(true);
  });

  it("that is long and damaged breaks off the client's answer: short is never shown as whole", async () => {
    const long = Buffer.alloc(3_000_000, "long page ");
    const site = await openSite(adapter, {
      options: { ttl: 60, memory: 0 },
      handler: () => ({ headers: { "Content-Type": "text/plain" }, body: long }),
    });
    const headers = { host: "site.example" };
    await site.visit("/", { headers });
    await site.cache.close();
    flip(entryFiles(site.dir)[0]!, -100);
    const again = await openSite(adapter, {
      options: { ttl: 60, memory: 0, dir: site.dir },
      handler: () => ({ body: "fresh" }),
    });
    const answer = await again.visit("/", { headers }).catch(() => undefined);
    // Either it was noticed before anything was sent, or the connection broke.
    if (answer !== undefined) expect(answer.text).toBe("fresh");
    expect((await again.visit("/", { headers })).text).toBe("fresh");
    expect(again.errors).toContainEqual(expect.objectContaining({ code: "ERR_DISKCACHE_CORRUPT_ENTRY" }));
  });

  it("of another page in its place is a miss", async () => {
    const site = await openSite(adapter, {
      options: { ttl: 60, memory: 0 },
      handler: ({ req }) => ({ body: `page ${req.url}` }),
    });
    await stored(site, "/a");
    const [a] = entryFiles(site.dir);
    await stored(site, "/b");
    const b = entryFiles(site.dir).find((file) => file !== a)!;
    writeFileSync(a!, readFileSync(b));
    expect(await site.visit("/a")).toMatchObject({ text: "page /a", isHit: false });
  });
});

describe.each(EVERY_ADAPTER)("$name: the operator's own function", (adapter) => {
  const fail = () => {
    throw new Error("of the operator");
  };

  it.each([
    { name: "key", options: { key: fail } },
    { name: "partition", options: { partition: fail } },
    { name: "skip", options: { skip: fail } },
    { name: "honourRequest", options: { honourRequest: fail } },
    { name: "shouldStore", options: { shouldStore: fail } },
    { name: "tags", options: { tags: fail } },
    { name: "key, which returns no string,", options: { key: () => 7 as unknown as string } },
    { name: "partition, which returns no string,", options: { partition: () => 7 as unknown as string } },
  ])("$name fails: the client gets its page, nothing is kept, and the operator is told", async ({ options }) => {
    const site = await openSite(adapter, { options: { ttl: 60, ...options } });
    for (const n of [1, 2]) {
      const answer = await site.visit("/");
      expect([answer.text, answer.isHit, answer.cacheStatus]).toEqual([
        `render ${n}`,
        false,
        expect.stringContaining("detail=hook"),
      ]);
    }
    expect(site.errors).toContainEqual(
      expect.objectContaining({ code: "ERR_DISKCACHE_HOOK", cause: expect.any(Error) as Error }),
    );
  });

  it("that listens to events and fails is warned about, and in nobody's way", async () => {
    const warned = vi.spyOn(process, "emitWarning").mockImplementation(() => {});
    const site = await openSite(adapter);
    site.cache.on("forward", fail);
    site.cache.on("stored", fail);
    expect((await site.visit("/")).text).toBe("render 1");
    expect((await site.visit("/")).isHit).toBe(true);
    expect(warned).toHaveBeenCalledWith(
      expect.objectContaining({ message: "of the operator" }),
      "DiskCacheListenerWarning",
    );
  });

  it("that skips is asked about every request, hits too", async () => {
    const asked: string[] = [];
    const skip = (native: unknown) => asked.push(incoming(native).url!) === 0;
    const site = await openSite(adapter, { options: { ttl: 60, skip } });
    for (const _ of ["miss", "hit", "hit"]) {
      asked.length = 0;
      await site.visit("/");
      expect(asked).toContain("/");
    }
  });
});

/** Visits, and waits until what is stored is on disk. */
async function stored(site: Site, target: string): Promise<string> {
  const { text } = await site.visit(target);
  while ((await site.cache.stats()).pendingWrites > 0) await new Promise(setImmediate);
  return text;
}

function flip(file: string, at: number): void {
  const bytes = readFileSync(file);
  const index = at < 0 ? bytes.length + at : at;
  bytes[index]! ^= 1;
  writeFileSync(file, bytes);
}
