import { mkdtempSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import type { PurgeSelector } from "../contract.js";
import { nodeFileSystem } from "../file-system.js";
import { BLIND, InvalidationLog } from "./invalidation-log.js";
import { LogGenerations } from "./log-generations.js";
import { Paths } from "../paths.js";
import { ALIVE, PURGED } from "./purge-marks.js";
import type { Purgeable } from "./purge-marks.js";

const cleanups: (() => void)[] = [];
afterEach(() => {
  for (const cleanup of cleanups.splice(0).reverse()) cleanup();
});

function directory(): string {
  const dir = mkdtempSync(join(tmpdir(), "log-"));
  cleanups.push(() => rmSync(dir, { recursive: true, force: true }));
  return dir;
}

function open(dir: string): { log: InvalidationLog; failures: unknown[] } {
  const failures: unknown[] = [];
  const log = new InvalidationLog(dir, new LogGenerations(nodeFileSystem, new Paths(dir)), {
    prepare: () => undefined,
    now: () => 1_000_000,
    elapsed: () => 0,
    failed: (_operation, error) => failures.push(error),
    onlyRead: () => undefined,
    restarted: () => undefined,
    allPurged: () => undefined,
    durable: false,
  });
  cleanups.push(() => log.close());
  return { log, failures };
}

/** As a reader of entries asks: an entry of another epoch is of another cache. */
function lives(log: InvalidationLog, entry: Purgeable, epoch: number): boolean {
  return log.epoch === epoch && log.verdict(entry) !== PURGED;
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
const tag = (name: string): PurgeSelector => ({ kind: "tag", tag: name });
const born = (log: InvalidationLog, ...tags: string[]): Purgeable => ({
  scope: "",
  name: "/",
  tags,
  birth: log.position(),
});
const logFile = (dir: string): string =>
  join(dir, readdirSync(dir).find((name) => name.startsWith("invalidations.")) as string);

describe("InvalidationLog", () => {
  it("ends what was born before a purge and leaves what is born after it", async () => {
    const { log } = open(directory());
    const before = born(log, "a");
    const other = born(log, "b");
    await log.append([tag("a")], { soft: false });
    expect(log.verdict(before)).toBe(PURGED);
    expect(log.verdict(other)).toBe(ALIVE);
    expect(log.verdict(born(log, "a"))).toBe(ALIVE);
  });

  it("gives an equal view until something new is said, by whichever process", async () => {
    const dir = directory();
    const { log } = open(dir);
    const view = log.look();
    await turn();
    expect(log.look()).toBe(view);
    await open(dir).log.append([tag("a")], { soft: false });
    await turn();
    expect(log.look()).not.toBe(view);
  });

  it("looks again within a turn when an entry knows more of the log than it does", async () => {
    const dir = directory();
    const { log } = open(dir);
    log.look();
    const other = open(dir).log;
    await other.append([tag("a")], { soft: false });
    expect(log.verdict(born(other, "a"))).toBe(ALIVE);
  });

  it("forgets no purge when it is cut anywhere", async () => {
    const dir = directory();
    const { log } = open(dir);
    const doomed = born(log, "a");
    const { epoch } = log;
    await log.append([tag("x")], { soft: false });
    await log.append([tag("a")], { soft: false });
    log.close();
    const path = logFile(dir);
    const whole = readFileSync(path);
    for (let length = 0; length < whole.length; length++) {
      const cut = directory();
      writeFileSync(join(cut, "invalidations.1"), whole.subarray(0, length), { mode: 0o600 });
      const reopened = open(cut).log;
      expect(reopened.look(), `cut at ${length}`).not.toBe(BLIND);
      expect(lives(reopened, doomed, epoch), `cut at ${length}`).toBe(false);
      expect(reopened.verdict(born(reopened, "a")), `cut at ${length}`).toBe(ALIVE);
      reopened.close();
    }
  });

  it("forgets no purge when any one bit of it is turned", async () => {
    const dir = directory();
    const { log } = open(dir);
    const doomed = born(log, "a");
    const { epoch } = log;
    for (const name of ["x", "a", "y"]) await log.append([tag(name)], { soft: false });
    log.close();
    const whole = readFileSync(logFile(dir));
    const turned = directory();
    for (let bit = 0; bit < whole.length * 8; bit++) {
      const bytes = Buffer.from(whole);
      bytes.writeUInt8(bytes.readUInt8(bit >> 3) ^ (1 << (bit & 7)), bit >> 3);
      for (const name of readdirSync(turned)) rmSync(join(turned, name));
      writeFileSync(join(turned, "invalidations.1"), bytes, { mode: 0o600 });
      const { log: reopened } = open(turned);
      expect(reopened.look(), `bit ${bit}`).not.toBe(BLIND);
      expect(lives(reopened, doomed, epoch), `bit ${bit}`).toBe(false);
      expect(reopened.verdict(born(reopened, "a")), `bit ${bit}`).toBe(ALIVE);
      reopened.close();
    }
  });

  it("keeps every purge through compactions, in every process, and stays short", async () => {
    const dir = directory();
    const { log } = open(dir);
    const { log: follower } = open(dir);
    follower.look();
    const doomed = Array.from({ length: 50 }, (_, index) => born(log, `early ${index}`));
    for (let index = 0; index < 50; index++) await log.append([tag(`early ${index}`)], { soft: false });
    const spared = born(log, "spared");
    for (let index = 0; index < 20_000; index++) await log.append([tag(`late ${index % 100}`)], { soft: false });
    await turn();
    for (const each of [log, follower, open(dir).log]) {
      expect(each.look()).not.toBe(BLIND);
      for (const entry of doomed) expect(each.verdict(entry)).toBe(PURGED);
      expect(each.verdict(spared)).toBe(ALIVE);
    }
    expect(statSync(logFile(dir)).size).toBeLessThan(600_000);
    expect(readdirSync(dir).length).toBe(1);
  });

  it("keeps patterns through compactions, in every process, and purges no other path by them", async () => {
    const dir = directory();
    const { log } = open(dir);
    const { log: follower } = open(dir);
    follower.look();
    const page = (name: string, scope = "a.example"): Purgeable => ({ scope, name, tags: [], birth: log.position() });
    const doomed = [page("/a/b/c?d=e"), page("/A//b"), page("/%61/x"), page("/x/7/edit"), page("/o/p")];
    const spared = [page("/ab"), page("/x/7"), page("/o/p", "b.example"), { ...page(""), name: "" }];
    for (const path of ["/a/**", "/x/*/edit"])
      await log.append([{ kind: "path", path, scope: undefined }], { soft: false });
    await log.append([{ kind: "path", path: "/o/*", scope: "a.example" }], { soft: false });
    for (let index = 0; index < 10_000; index++) await log.append([tag(`late ${index % 100}`)], { soft: false });
    expect(logFile(dir)).not.toContain("invalidations.1");
    await turn();
    for (const each of [log, follower, open(dir).log]) {
      each.look();
      expect(doomed.map((entry) => each.verdict(entry))).toEqual(doomed.map(() => PURGED));
      expect(spared.map((entry) => each.verdict(entry))).toEqual(spared.map(() => ALIVE));
      expect(each.verdict(page("/a/b"))).toBe(ALIVE);
    }
  });

  it("takes very many patterns that begin alike for all that begins so, and remembers the others", async () => {
    const { log } = open(directory());
    const page = (name: string): Purgeable => ({ scope: "", name, tags: [], birth: log.position() });
    const doomed = Array.from({ length: 300 }, (_, index) => page(`/users/${index}/edit`));
    const besides = [page("/user"), page("/other/users")];
    for (let index = 0; index < 300; index++)
      await log.append([{ kind: "path", path: `/users/*${index}/edit`, scope: undefined }], { soft: false });
    const later = page("/users/250/edit");
    for (const entry of doomed) expect(log.verdict(entry)).toBe(PURGED);
    for (const entry of [...besides, later]) expect(log.verdict(entry)).toBe(ALIVE);
  });

  it("begins anew when its file is removed: nothing older lives, and what is born then does", async () => {
    const dir = directory();
    const { log } = open(dir);
    const old = born(log, "a");
    rmSync(logFile(dir));
    await turn();
    log.look();
    expect(log.verdict(old)).toBe(PURGED);
    expect(log.verdict(born(log, "a"))).toBe(ALIVE);
  });

  it("sees what another process purges and compacts while this one works through a long turn of its event loop", () => {
    const dir = directory();
    const [here, there] = [open(dir).log, open(dir).log];
    const old = born(here, "a");
    here.look();
    void there.append([tag("a"), ...Array.from({ length: 6000 }, (_, index) => tag(`${index}`.padEnd(60, "-")))], {
      soft: false,
    });
    expect(logFile(dir)).not.toContain("invalidations.1");
    const begunMs = performance.now();
    while (performance.now() - begunMs < 0.2);
    here.look();
    expect(here.verdict(old)).toBe(PURGED);
    expect(here.verdict(born(here, "a"))).toBe(ALIVE);
  });

  it("rejects a purge that is too long to be recorded", async () => {
    await expect(open(directory()).log.append([tag("x".repeat(70_000))], { soft: false })).rejects.toMatchObject({
      code: "ERR_DISKCACHE_PURGE",
    });
  });
});
