/** Machines that share purges over an engine in memory: each a directory with one or more processes. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setImmediate as turn } from "node:timers/promises";
import type { DiskCacheError } from "../../packages/core/src/base/errors.js";
import { SteadyClock } from "../../packages/core/src/base/clock.js";
import type { EntryHead, StoreEntry } from "../../packages/core/src/store/contract.js";
import { DiskStore } from "../../packages/core/src/store/disk-store.js";
import type { DiskStoreOptions } from "../../packages/core/src/store/disk-store-options.js";
import type { PagesSettings, TierSettings } from "../../packages/core/src/tier/contract.js";
import { Line, Server, VirtualTime } from "./engine.js";
import type { Weakness } from "./engine.js";
import { sharing } from "../../packages/core/src/tier/membership.js";
import type { TierEventName } from "../../packages/core/src/tier/membership.js";
import { resolveTier } from "../../packages/core/src/tier/settings.js";
import type { ResolvedTier } from "../../packages/core/src/tier/settings.js";
import { openTieredStore } from "../../packages/core/src/tier/tiered-store.js";

export const LEASE_MS = 1_200;

interface ProcessOptions {
  readonly weakness?: Weakness;
  /** Which pages are shared; `undefined`: none. */
  readonly pages?: PagesSettings;
}

/** One process on a directory. */
export interface Process {
  readonly store: DiskStore<string>;
  readonly line: Line;
  readonly events: TierEventName[];
  readonly faults: DiskCacheError[];
  readonly dir: string;
  readonly options: DiskStoreOptions<string>;
  /** What it would answer with now: the text, and whether it is stale. */
  get(key: string): Promise<string | undefined>;
  fill(key: string, text: string, tags?: readonly string[]): void;
  head(key: string, tags: readonly string[], birth: number): EntryHead;
  purgeTag(tag: string): Promise<void>;
}

export class World {
  readonly time = new VirtualTime();
  server = new Server();
  readonly #lines: Line[] = [];
  readonly #open: DiskStore<string>[] = [];

  readonly #dirs: string[] = [];

  directory(): string {
    const dir = mkdtempSync(join(tmpdir(), "diskcache-tier-"));
    this.#dirs.push(dir);
    return dir;
  }

  process(
    dir: string,
    settings: TierSettings = {},
    { pages, weakness, ...more }: Partial<DiskStoreOptions<string>> & ProcessOptions = {},
  ): Process {
    const line = new Line(this.server, this.time, weakness);
    this.#lines.push(line);
    const events: TierEventName[] = [];
    const faults: DiskCacheError[] = [];
    const tier = {
      settings: { lease: LEASE_MS / 1000, ...settings },
      connect: line.connect,
      ...(pages && { pages: { settings: pages, locks: true, connect: line.connectForPages } }),
    };
    const resolved = resolveTier(tier) as ResolvedTier;
    const fault = (error: DiskCacheError): void => void faults.push(error);
    const { time } = this;
    const options: DiskStoreOptions<string> = {
      dir,
      memoryBytes: 1 << 20,
      maxSize: Infinity,
      maxEntries: 10_000,
      minFree: 0,
      maxBody: 1 << 20,
      durability: "none",
      strict: false,
      allowPublicDir: false,
      clock: new SteadyClock(),
      decode: ({ meta }) => meta,
      sharing: sharing({
        settings: resolved,
        boot: "boot",
        time,
        secrets: more.secrets,
        encrypt: more.encrypt ?? false,
        tell: (event) => events.push(event),
        fault,
      }),
      ...more,
    };
    const store =
      resolved.pages === undefined
        ? new DiskStore(options)
        : openTieredStore(options, resolved.pages, {
            time,
            fault,
            shifted: movedHead,
            mayShare: (key) => !key.startsWith("/own"),
          });
    this.#open.push(store);
    return {
      dir,
      options,
      store,
      line,
      events,
      faults,
      get: async (key) => {
        await turn();
        return shown(store.inMemory(key, Date.now()) ?? (await store.get(key)));
      },
      head,
      fill: (key, text, tags = []) => void store.put(head(key, tags, store.positionNow()), Buffer.from(text)),
      purgeTag: (tag) => store.purge([{ kind: "tag", tag }], { soft: false }),
    };
  }

  /** Lets machines find each other, and the server become steady. */
  settle(): Promise<void> {
    return this.time.advance(LEASE_MS * 3);
  }

  /** Everything that is asked from now on goes to this server. */
  moveTo(server: Server): void {
    this.server = server;
    for (const line of this.#lines) line.server = server;
  }

  async close(): Promise<void> {
    for (const line of this.#lines) line.state = "open";
    await this.time.until(Promise.all(this.#open.map((store) => store.close())));
    for (const dir of this.#dirs) rmSync(dir, { recursive: true, force: true });
  }
}

function movedHead(given: EntryHead, ms: number): EntryHead {
  return { ...given, storedAt: given.storedAt + ms, expiresAt: given.expiresAt + ms };
}

function head(key: string, tags: readonly string[], birth: number): EntryHead {
  return { key, scope: "", name: key, tags, meta: "meta", storedAt: Date.now(), expiresAt: Infinity, birth };
}

function shown(entry: StoreEntry<string> | undefined): string | undefined {
  return entry && `${String(entry.body)}${entry.softPurged ? " (stale)" : ""}`;
}
