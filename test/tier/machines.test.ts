import { cpSync, rmSync } from "node:fs";
import { describe, expect, it, onTestFinished } from "vitest";
import { DiskStore } from "../../packages/core/src/store/disk-store.js";
import { LEASE_MS, World } from "./world.js";
import type { Process } from "./world.js";

function opened(): World {
  const world = new World();
  onTestFinished(() => world.close());
  return world;
}

function pair(world: World, ...settings: Parameters<World["process"]> extends [string, ...infer Rest] ? Rest : never) {
  return [world.process(world.directory(), ...settings), world.process(world.directory(), ...settings)] as const;
}

async function filled(world: World, ...machines: readonly Process[]): Promise<void> {
  await world.settle();
  for (const machine of machines) machine.fill("/x", "old", ["t"]);
}

/** What the machines answer with for `/x`. */
const answers = (...machines: readonly Process[]): Promise<(string | undefined)[]> =>
  Promise.all(machines.map((machine) => machine.get("/x")));

describe("machines that share purges", () => {
  it("serve nothing of what a purge named once it has resolved, on any of them", async () => {
    const world = opened();
    const [a, b] = pair(world);
    await filled(world, a, b);
    for (const machine of [a, b]) machine.fill("/y", "other", ["u"]);
    const from = world.time.steady();
    await world.time.until(a.purgeTag("t"));
    expect(await answers(a, b)).toEqual([undefined, undefined]);
    expect([await a.get("/y"), await b.get("/y")]).toEqual(["other", "other"]);
    expect(world.time.steady() - from).toBeLessThan(LEASE_MS / 4);
  });

  it.each([
    { what: "a page by its path", selector: { kind: "name", name: "/x", scope: undefined } },
    { what: "a prefix", selector: { kind: "prefix", prefix: "/", scope: "" } },
    { what: "a pattern", selector: { kind: "path", path: "/*", scope: undefined } },
    { what: "a host", selector: { kind: "scope", scope: "" } },
    { what: "everything", selector: { kind: "all" } },
  ] as const)("understand what names $what", async ({ selector }) => {
    const world = opened();
    const [a, b] = pair(world);
    await filled(world, a, b);
    await world.time.until(a.store.purge([selector], { soft: false }));
    expect(await answers(a, b)).toEqual([undefined, undefined]);
  });

  it("keep what was softly purged as stale", async () => {
    const world = opened();
    const [a, b] = pair(world);
    await filled(world, a, b);
    await world.time.until(a.store.purge([{ kind: "tag", tag: "t" }], { soft: true }));
    expect(await answers(a, b)).toEqual(["old (stale)", "old (stale)"]);
  });

  it("keep what is made between a purge and its coming back along the chain", async () => {
    const world = opened();
    const [a] = pair(world);
    await filled(world, a);
    const purged = a.purgeTag("t");
    a.fill("/x", "new", ["t"]);
    await world.time.until(purged);
    await world.settle();
    expect(await a.get("/x")).toBe("new");
  });

  it("leave to its own machine what concerns only its processes", async () => {
    const world = opened();
    const [a, b] = pair(world);
    world.process(a.dir);
    await filled(world, a, b);
    a.store.removeForAll(a.head("/x", [], 0));
    await world.settle();
    expect(await answers(a, b)).toEqual([undefined, "old"]);
  });

  it("serve nothing before they have joined", async () => {
    const world = opened();
    const [a, b] = pair(world);
    await filled(world, a, b);
    const other = world.process(b.dir);
    expect(await other.get("/x")).toBe("old");
    const fresh = world.process(world.directory());
    fresh.fill("/x", "early", ["t"]);
    expect(await fresh.get("/x")).toBeUndefined();
    await world.time.advance(LEASE_MS / 4);
    expect(fresh.events).toContain("joined");
  });

  it("learn on their return what was purged while they were away, and keep the rest", async () => {
    const world = opened();
    const [a, b] = pair(world);
    await filled(world, a, b);
    b.fill("/y", "other", ["u"]);
    await world.time.until(b.store.close());
    await world.time.until(a.purgeTag("t"));
    const again = world.process(b.dir);
    expect(await again.get("/y")).toBeUndefined();
    await world.settle();
    expect([await again.get("/x"), await again.get("/y")]).toEqual([undefined, "other"]);
  });

  it("do not wait for one that was closed", async () => {
    const world = opened();
    const [a, b] = pair(world);
    await filled(world, a, b);
    await world.time.until(b.store.close());
    const from = world.time.steady();
    await world.time.until(a.purgeTag("t"));
    expect(world.time.steady() - from).toBeLessThan(LEASE_MS / 4);
  });

  it("tell apart two directories of which one is a copy", async () => {
    const world = opened();
    const [a, b] = pair(world);
    await filled(world, a, b);
    await world.time.until(b.store.close());
    const dir = `${b.dir}-copy`;
    cpSync(b.dir, dir, { recursive: true, verbatimSymlinks: true });
    const [one, copy] = [world.process(b.dir), world.process(dir)];
    await world.settle();
    const names = [a, one, copy].map(({ store }) => store.stats().tier?.machine);
    expect(new Set(names).size).toBe(3);
    for (const machine of [one, copy]) for (const tag of ["t", "u"]) machine.fill(`/${tag}`, "old", [tag]);
    // Both stand at the same position of what was one log.
    await Promise.all([world.time.until(one.purgeTag("t")), world.time.until(copy.purgeTag("u"))]);
    for (const machine of [one, copy])
      expect([await machine.get("/t"), await machine.get("/u")]).toEqual([undefined, undefined]);
    rmSync(dir, { recursive: true, force: true });
  });
});

describe("processes of one machine", () => {
  it("have one relay, and another when it ends", async () => {
    const world = opened();
    const [a, b] = pair(world);
    const other = world.process(b.dir);
    await filled(world, a, b);
    const relays = (): number => [b, other].filter(({ store }) => store.stats().tier?.relay === true).length;
    expect(relays()).toBe(1);
    const [ends, stays] = b.store.stats().tier?.relay === true ? [b, other] : [other, b];
    await world.time.until(ends.store.close());
    await world.settle();
    expect(stays.store.stats().tier?.relay).toBe(true);
    await world.time.until(a.purgeTag("t"));
    expect(await answers(a, stays)).toEqual([undefined, undefined]);
  });

  it("purge everywhere, also when one shares nothing itself", async () => {
    const world = opened();
    const [a, b] = pair(world);
    await filled(world, a, b);
    const script = world.process(b.dir, {}, { sharing: undefined });
    await script.purgeTag("t");
    await world.settle();
    expect(await answers(a, b)).toEqual([undefined, undefined]);
  });
});

describe("a machine that is cut off", () => {
  it.each([
    { whenCutOff: "young", old: undefined, young: "new" },
    { whenCutOff: "stale", old: "old (stale)", young: "new" },
    { whenCutOff: "serve", old: "old", young: "new" },
    { whenCutOff: "nothing", old: undefined, young: undefined },
  ] as const)("answers with `$whenCutOff`, and with everything when it has contact again", async (given) => {
    const world = opened();
    const [a, b] = pair(world, { whenCutOff: given.whenCutOff });
    await filled(world, a, b);
    b.line.state = "cut";
    await world.time.advance(LEASE_MS * 2);
    expect(await answers(a, b)).toEqual(["old", given.old]);
    expect(b.events.at(-1)).toBe("cut-off");
    b.fill("/y", "new");
    expect(await b.get("/y")).toBe(given.young);
    b.line.state = "open";
    await world.settle();
    expect([await b.get("/x"), await b.get("/y")]).toEqual(["old", "new"]);
  });

  it("answers with what is young for a lease", async () => {
    const world = opened();
    const [, b] = pair(world);
    await world.settle();
    b.line.state = "cut";
    await world.time.advance(LEASE_MS * 2);
    b.fill("/x", "new");
    await world.time.advance(LEASE_MS / 2);
    expect(await b.get("/x")).toBe("new");
    await world.time.advance(LEASE_MS);
    expect(await b.get("/x")).toBeUndefined();
  });

  it("is waited for, for a lease, and answers with nothing older afterwards", async () => {
    const world = opened();
    const [a, b] = pair(world);
    await filled(world, a, b);
    b.line.state = "cut";
    const from = world.time.steady();
    await world.time.until(a.purgeTag("t"));
    const tookMs = world.time.steady() - from;
    expect(tookMs).toBeGreaterThan(LEASE_MS);
    expect(tookMs).toBeLessThan(LEASE_MS * 1.1);
    expect(await answers(a, b)).toEqual([undefined, undefined]);
  });

  it("delivers its purges when it has contact again, and says until then that they are not confirmed", async () => {
    const world = opened();
    const [a, b] = pair(world, { purge: { timeout: "2s" } });
    await filled(world, a, b);
    b.line.state = "cut";
    await expect(world.time.until(b.purgeTag("t"))).rejects.toMatchObject({ code: "ERR_DISKCACHE_PURGE" });
    expect(b.faults[0]).toMatchObject({ code: "ERR_DISKCACHE_TIER" });
    expect(await answers(a, b)).toEqual(["old", undefined]);
    b.line.state = "open";
    await world.settle();
    expect(await answers(a, b)).toEqual([undefined, undefined]);
    expect(b.store.stats().tier?.unpublished).toBe(0);
  });
});

describe("an engine that", () => {
  it("was emptied costs no page, and purges wait a lease until every machine is known again", async () => {
    const world = opened();
    const [a, b] = pair(world);
    await filled(world, a, b);
    world.server.empty();
    await world.time.advance(LEASE_MS);
    expect(await answers(a, b)).toEqual(["old", "old"]);
    await world.time.until(a.purgeTag("t"));
    expect(await answers(a, b)).toEqual([undefined, undefined]);
  });

  it("was emptied may have forgotten a machine that is cut off: purges wait for what is young there", async () => {
    const world = opened();
    const [a, b] = pair(world, { absence: 10 });
    await filled(world, a, b);
    b.line.state = "cut";
    world.server.empty();
    await world.settle();
    b.fill("/x", "old", ["t"]);
    expect(await b.get("/x")).toBe("old");
    await world.time.until(a.purgeTag("t"));
    expect(await answers(a, b)).toEqual([undefined, undefined]);
    await world.time.advance(10_000);
    const from = world.time.steady();
    await world.time.until(a.purgeTag("t"));
    expect(world.time.steady() - from).toBeLessThan(LEASE_MS / 4);
  });

  it("has lost records is told again, also by those who only took them over", async () => {
    const world = opened();
    const [a, b] = pair(world);
    const c = world.process(world.directory());
    await filled(world, a, b, c);
    c.line.state = "cut";
    await world.time.until(a.purgeTag("t"));
    await world.time.until(a.store.close());
    world.server.rewind(1);
    world.server.restart();
    await world.settle();
    expect(b.events).toContain("reconciled");
    c.line.state = "open";
    await world.settle();
    expect(await answers(b, c)).toEqual([undefined, undefined]);
  });

  it("has lost records is not taken for the same when what is told again comes to stand in the same place", async () => {
    const world = opened();
    const [a, b] = pair(world);
    await filled(world, a, b);
    for (const tag of ["t", "u"]) await world.time.until(a.purgeTag(tag));
    await world.settle();
    b.fill("/x", "old", ["t"]);
    b.line.state = "cut";
    world.server.rewind(2);
    world.server.restart();
    while (!a.events.includes("reconciled")) await world.time.advance(1);
    // The newer purge goes in the place of the older one of the same, and what follows to where it was.
    await world.time.until(a.purgeTag("t"));
    await world.settle();
    b.line.state = "open";
    await world.settle();
    expect(await answers(a, b)).toEqual([undefined, undefined]);
  });

  it("has lost a record is told of a newer purge of the same, too", async () => {
    const world = opened();
    const [a, b] = pair(world, { purge: { timeout: 1 } });
    await filled(world, a, b);
    await world.time.until(a.purgeTag("t"));
    await world.settle();
    b.fill("/x", "old", ["t"]);
    a.line.state = "cut";
    await expect(world.time.until(a.purgeTag("t"))).rejects.toThrow();
    world.server.rewind(1);
    world.server.restart();
    a.line.state = "open";
    await world.settle();
    expect(await b.get("/x")).toBeUndefined();
  });

  it("has forgotten what a machine lacks makes it begin cold", async () => {
    const world = opened();
    const [a, b] = pair(world);
    await filled(world, a, b);
    b.line.state = "cut";
    for (const tag of ["1", "2", "3"]) await world.time.until(a.purgeTag(tag));
    world.server.trim(1);
    b.line.state = "open";
    await world.settle();
    expect(b.events).toContain("emptied");
    expect(await answers(a, b)).toEqual(["old", undefined]);
  });

  it("answers a purge and loses the answer is asked again", async () => {
    const world = opened();
    const [a, b] = pair(world);
    await filled(world, a, b);
    a.line.state = "deaf";
    const purged = a.purgeTag("t");
    await world.time.advance(LEASE_MS / 2);
    a.line.state = "open";
    await world.time.until(purged);
    expect(await answers(a, b)).toEqual([undefined, undefined]);
  });

  it("holds records of another secret makes everything cold, and says so", async () => {
    const world = opened();
    const [a] = pair(world);
    await filled(world, a);
    const { last } = world.server;
    world.server.records.push({ number: last!.number + 1, mark: "0".repeat(12), before: last!.mark, text: "[0,1]" });
    await world.settle();
    expect(a.events).toContain("unreadable");
    expect(await a.get("/x")).toBeUndefined();
  });
});

describe("the log of a machine", () => {
  it("keeps through its compaction what was not delivered, where the machine stands, and what it knows", async () => {
    const world = opened();
    const [a, b] = pair(world, { purge: { timeout: "1s" } });
    await filled(world, a, b);
    a.line.state = "cut";
    await world.time.until(a.purgeTag("t")).catch(() => undefined);
    const { position } = a.store.stats().tier!;
    const script = world.process(a.dir, {}, { sharing: undefined });
    for (let index = 0; index < 9_000; index++)
      script.store.purge([{ kind: "tag", tag: `${index % 50}` }], { soft: false }).catch(() => undefined);
    await world.time.until(a.store.close());
    const again = world.process(a.dir);
    expect(again.store.stats().tier).toMatchObject({ position });
    await world.settle();
    expect(await b.get("/x")).toBeUndefined();
    expect(again.events).not.toContain("emptied");
  });
});

describe("what is left out of the protocol", () => {
  it("is missed: servers that are called steady at once", async () => {
    const stale = async (steadyAtOnce: boolean): Promise<boolean> => {
      const world = opened();
      const [a, b] = pair(world, {}, { weakness: { steadyAtOnce } });
      await filled(world, a, b);
      b.line.state = "cut";
      world.server.empty();
      world.server.restart();
      await world.time.advance(LEASE_MS / 3);
      await world.time.until(a.purgeTag("t"));
      return (await b.get("/x")) === "old";
    };
    expect([await stale(true), await stale(false)]).toEqual([true, false]);
  });
});

it("shares nothing where it is not asked to", () => {
  const world = opened();
  const { store } = world.process(world.directory(), {}, { sharing: undefined });
  expect(store).toBeInstanceOf(DiskStore);
  expect(store.stats().tier).toBeUndefined();
});
