/** Two processes on one directory: what one of them learns about a page holds for the clients of the other. */
import { fork } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { describe, expect, it, onTestFinished } from "vitest";
import { temporaryDirectory } from "../support/temporary-directory.js";
import { visit } from "../support/visit.js";
import type { Told } from "./changing-worker.js";

const RUNNER = fileURLToPath(new URL("../support/run-module.mjs", import.meta.url));
const HOST = { host: "www.example.com" };

async function startWorker(dir: string) {
  const child = fork(RUNNER, ["/test/flights/changing-worker.ts", dir, "2026-01-01T00:00:00Z"]);
  onTestFinished(() => void child.kill("SIGKILL"));
  const [{ origin }] = (await once(child, "message")) as [{ readonly origin: string }];
  return {
    visit: (fields: Record<string, string> = {}) => visit(origin, "/page", { headers: { ...HOST, ...fields } }),
    tell: async (told: Told): Promise<void> => {
      child.send(told);
      await once(child, "message");
    },
  };
}

/** Two processes that both have the page in memory. */
async function bothServing() {
  const dir = temporaryDirectory();
  const [one, other] = await Promise.all([startWorker(dir), startWorker(dir)]);
  await one.visit();
  await one.tell({});
  expect([(await one.visit()).isHit, (await other.visit()).isHit, (await other.visit()).isHit]).toEqual(
    Array(3).fill(true),
  );
  const both = (told: Told): Promise<unknown> => Promise.all([one.tell(told), other.tell(told)]);
  return { one, other, both };
}

const GONE = [
  { now: "404", page: { status: 404, fields: { "Cache-Control": "no-store" }, body: "gone" } },
  { now: "private", page: { fields: { "Cache-Control": "private" }, body: "gone" } },
];

describe.each(GONE)("a page that is $now from now on", ({ page }) => {
  it("is over for the clients of every process when a reload at one of them finds out", async () => {
    const { one, other, both } = await bothServing();
    await both({ page });
    expect((await one.visit({ "cache-control": "no-cache" })).text).toBe("gone");
    const later = await other.visit();
    expect([later.isHit, later.text]).toEqual([false, "gone"]);
  });

  it("is over for the clients of every process when a refresh behind a stale hit finds out", async () => {
    const { one, other, both } = await bothServing();
    await both({ page, seconds: 15 });
    expect((await one.visit()).text).toBe("page");
    await one.tell({ notStored: 1 });
    const later = await other.visit();
    expect([later.isHit, later.text]).toEqual([false, "gone"]);
  });
});

describe("a refresh that is refused in one process", () => {
  it("leaves it to the next client there, and what that one has made is everybody's", async () => {
    const { one, other, both } = await bothServing();
    await both({ page: { body: "newer" }, refuse: true, seconds: 15 });
    expect((await one.visit()).text).toBe("page");
    await one.tell({ refused: 1 });
    expect((await one.visit()).text).toBe("newer");
    await one.tell({});
    const later = await other.visit();
    expect([later.isHit, later.text]).toEqual([true, "newer"]);
  });

  it("is tried once more by another process, and its next client leads, too", async () => {
    const { one, other, both } = await bothServing();
    await both({ page: { body: "newer" }, refuse: true, seconds: 15 });
    await one.visit();
    await one.tell({ refused: 1 });
    expect((await other.visit()).text).toBe("page");
    await other.tell({ refused: 1 });
    expect((await other.visit()).text).toBe("newer");
    await other.tell({});
    const later = await one.visit();
    expect([later.isHit, later.text]).toEqual([true, "newer"]);
  });
});
