/** Fragments in several processes: made once for all of them, whoever dies. */
import { fork } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { diskCache } from "@diskcache/http";
import { describe, expect, it, onTestFinished } from "vitest";
import { tally } from "../support/barrier.js";
import { temporaryDirectory } from "../support/temporary-directory.js";

const RUNNER = fileURLToPath(new URL("../support/run-module.mjs", import.meta.url));

interface Told {
  readonly making?: true;
  readonly got?: string;
}

async function startWorker(dir: string) {
  const child = fork(RUNNER, ["/test/flights/fragment-worker.ts", dir]);
  onTestFinished(() => void child.kill("SIGKILL"));
  await once(child, "message");
  const [makings, answers] = [tally(), tally()];
  const got: string[] = [];
  child.on("message", (told: Told) => {
    if (told.making === true) makings.add();
    if (told.got === undefined) return;
    got.push(told.got);
    answers.add();
  });
  return {
    pid: child.pid!,
    makings,
    use: () => void child.send({ command: "use" }),
    make: () => void child.send({ command: "make" }),
    answers: async (count: number) => {
      await answers.reaches(count);
      return got;
    },
    kill: async () => {
      const exited = once(child, "exit");
      child.kill("SIGKILL");
      await exited;
    },
  };
}

describe("processes that share a directory", () => {
  it("make a fragment once for all who ask", async () => {
    const dir = temporaryDirectory();
    const [maker, other] = [await startWorker(dir), await startWorker(dir)];
    maker.use();
    await maker.makings.reaches(1);
    other.use();
    other.use();
    maker.use();
    maker.make();
    const text = `by ${maker.pid}`;
    expect([await maker.answers(2), await other.answers(2)]).toEqual([
      [text, text],
      [text, text],
    ]);
    expect([maker.makings.count, other.makings.count]).toEqual([1, 0]);
  });

  it("do not wait for one that was killed while it made it", async () => {
    const dir = temporaryDirectory();
    const [maker, other] = [await startWorker(dir), await startWorker(dir)];
    maker.use();
    await maker.makings.reaches(1);
    other.use();
    await maker.kill();
    await other.makings.reaches(1);
    other.make();
    expect(await other.answers(1)).toEqual([`by ${other.pid}`]);
  });

  it("keep nothing that was purged while it was made, whichever of them purged it", async () => {
    const dir = temporaryDirectory();
    const maker = await startWorker(dir);
    const cache = diskCache({ dir });
    onTestFinished(() => cache.close());
    maker.use();
    await maker.makings.reaches(1);
    await cache.purgeTag("news");
    maker.make();
    await maker.answers(1);
    expect(await cache.fragment("news", [], "1h", () => "new")).toBe("new");
  });
});
