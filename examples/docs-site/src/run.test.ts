import { mkdtempSync, rmSync } from "node:fs";
import { createServer, type RequestListener, type Server } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { run } from "./run.js";
import { openSite, type Site } from "./site.js";

// An empty folder's site: its tour goes to the list and to the search, whatever answers there.
let folder: string;
let site: Site;
let printed: string[];
let complained: string[];

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), "diskcache-run-"));
  site = await openSite(folder);
  printed = [];
  complained = [];
  vi.spyOn(console, "log").mockImplementation((line: string) => void printed.push(line));
  vi.spyOn(console, "error").mockImplementation((line: string) => void complained.push(line));
});

afterEach(() => {
  rmSync(folder, { recursive: true });
});

class FakeCache {
  readonly calls: string[] = [];
  clear = async (): Promise<void> => void this.calls.push("clear");
  close = async (): Promise<void> => void this.calls.push("close");
}

function runOnce(server: Server, { fresh = false, cache = new FakeCache() } = {}): Promise<number> {
  return run({ framework: "none", server, cache, site, options: { port: 0, dir: folder, once: true, fresh } });
}

const hitting: RequestListener = (_req, res) => res.setHeader("Cache-Status", "diskcache; hit; ttl=1").end("page");

describe("a tour that ends after its table", () => {
  it("succeeds when all it saw were hits of the same bytes", async () => {
    expect(await runOnce(createServer(hitting))).toBe(0);
    expect(complained).toEqual([]);
    expect(printed.join("\n")).toContain("Every page was on disk from an earlier run");
  });

  it("fails, and says why, when the cache did not do its part", async () => {
    const server = createServer((_req, res) => res.end("page"));
    expect(await runOnce(server)).toBe(1);
    expect(complained).toContain("/: 31 of 31 repeated visits were no hits, Cache-Status: (none)");
  });

  it.each([
    { fresh: false, calls: ["close"] },
    { fresh: true, calls: ["clear", "close"] },
  ])(
    "closes its server and its cache, and clears that first only when told (fresh: $fresh)",
    async ({ fresh, calls }) => {
      const server = createServer(hitting);
      const cache = new FakeCache();
      await runOnce(server, { fresh, cache });
      expect(server.listening).toBe(false);
      expect(cache.calls).toEqual(calls);
    },
  );
});
