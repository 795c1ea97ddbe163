import { cpSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { PurgeSelector, Store, StoreOwner } from "@diskcache/core";
import { storeCases } from "@diskcache/core/store-suite";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { steadyMs } from "../../packages/core/src/base/clock.js";
import { DiskStore } from "../../packages/core/src/store/disk-store.js";
import { sharing } from "../../packages/core/src/tier/membership.js";
import { resolveTier } from "../../packages/core/src/tier/settings.js";
import { openTieredStore } from "../../packages/core/src/tier/tiered-store.js";
import { machineTime } from "../../packages/core/src/tier/time.js";
import { temporaryDirectory } from "../support/temporary-directory.js";
import { Line, Server } from "../tier/engine.js";
import { memoryStore } from "./memory-store.js";
import { diskStoreOptions } from "./opened.js";

describe.each([
  { given: "without memory", options: { memoryBytes: 0 } },
  { given: "with memory", options: { memoryBytes: 2 ** 20 } },
  { given: "with a secret", options: { secrets: [Buffer.alloc(32, "a")] } },
  { given: "with encryption", options: { secrets: [Buffer.alloc(32, "a")], encrypt: true } },
])("DiskStore $given", ({ options }) => {
  const cases = storeCases(() => {
    const dir = temporaryDirectory();
    return (owner) => new DiskStore({ ...diskStoreOptions(dir), ...options, ...owner });
  });
  it.each(cases)("$name", ({ run }) => expect(run()).resolves.toBeUndefined());
});

describe("a store whose pages are shared with other machines", () => {
  const time = machineTime(steadyMs);
  const opens = (dir: string, server: Server) => {
    return <Value>(owner: StoreOwner<Value>) => {
      const line = new Line(server, time);
      const tier = {
        settings: { lease: 0.5, whenCutOff: "serve", purge: { wait: "recorded" } },
        connect: line.connect,
        pages: { settings: {}, locks: true, connect: line.connectForPages },
      } as const;
      const settings = resolveTier(tier)!;
      const fault = (): void => undefined;
      const machine = { settings, boot: "boot", time, secrets: undefined, encrypt: false, tell: fault, fault };
      const options = { ...diskStoreOptions(dir), ...owner, sharing: sharing(machine) };
      return openTieredStore(options, settings.pages!, { time, fault, shifted: (head) => head, mayShare: () => true });
    };
  };

  // What a directory has stored before it joins counts as purged.
  const joined = { dir: "", server: new Server() };
  beforeAll(async () => {
    joined.dir = mkdtempSync(join(tmpdir(), "diskcache-joined-"));
    const owner = { decode: () => "", observe: () => undefined, clock: Date, patient: true, idle: false };
    const store = opens(joined.dir, joined.server)(owner);
    while (store.stats().tier?.state !== "joined") await new Promise((resolve) => setImmediate(resolve));
    await store.close();
  });
  afterAll(() => rmSync(joined.dir, { recursive: true }));

  const cases = storeCases(() => {
    const dir = temporaryDirectory();
    cpSync(joined.dir, dir, { recursive: true, verbatimSymlinks: true });
    return opens(dir, joined.server.copy());
  });
  it.each(cases)("$name", ({ run }) => expect(run()).resolves.toBeUndefined());
});

describe("a store in memory", () => {
  it.each(storeCases(memoryStore))("$name", ({ run }) => expect(run()).resolves.toBeUndefined());
});

/** Promises that a store may break, each by one method. */
const BROKEN: readonly { readonly given: string; readonly methods: (store: Store<unknown>) => object }[] = [
  { given: "forgets purges", methods: () => ({ survivesPurges: () => true, purge: async () => undefined }) },
  {
    given: "purges only softly",
    methods: (store) => {
      const purge = store.purge.bind(store);
      return { purge: (selectors: PurgeSelector[]) => purge(selectors, { soft: true }) };
    },
  },
  { given: "knows no end of a lifetime", methods: () => ({ unfit: () => undefined }) },
  { given: "removes nothing", methods: () => ({ remove: () => undefined }) },
  { given: "gives one lock to two", methods: () => ({ lock: () => ({ release: () => undefined }) }) },
  { given: "lists nothing", methods: () => ({ heads: async function* () {} }) },
  { given: "stays open", methods: () => ({ close: async () => undefined }) },
  { given: "loses streams", methods: () => ({ create: () => undefined }) },
  { given: "loses bodies", methods: (store) => ({ put: () => store.storing }) },
];

describe("the cases for stores", () => {
  it.each(BROKEN)("find a store that $given", async ({ methods }) => {
    const cases = storeCases(() => {
      const open = memoryStore();
      return (owner) => {
        const store = open(owner);
        return Object.assign(store, methods(store as Store<unknown>));
      };
    });
    const outcomes = await Promise.allSettled(cases.map(({ run }) => run()));
    expect(outcomes.some(({ status }) => status === "rejected")).toBe(true);
  });

  it("have names of their own", () => {
    const names = storeCases(memoryStore).map(({ name }) => name);
    expect(new Set(names).size).toBe(names.length);
  });
});
