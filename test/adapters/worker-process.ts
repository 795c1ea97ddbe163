/** A worker of a site that the test can kill. */
import { fork } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { onTestFinished } from "vitest";

export interface WorkerProcess {
  readonly origin: string;
  /** Resolves when everything handed over is on disk. */
  settle(): Promise<void>;
  purge(target: string): Promise<void>;
  /** Nothing is said to it before, and nothing is heard of it afterwards. */
  kill(): Promise<void>;
}

const RUNNER = fileURLToPath(new URL("../support/run-module.mjs", import.meta.url));

export async function startWorker(dir: string): Promise<WorkerProcess> {
  const child = fork(RUNNER, ["/test/adapters/worker.ts", dir]);
  onTestFinished(() => void child.kill("SIGKILL"));
  const [{ origin }] = (await once(child, "message")) as [{ readonly origin: string }];
  const ask = async (message: object): Promise<void> => {
    child.send(message);
    await once(child, "message");
  };
  return {
    origin,
    settle: () => ask({ settle: true }),
    purge: (target) => ask({ purge: target }),
    kill: async () => {
      const exited = once(child, "exit");
      child.kill("SIGKILL");
      await exited;
    },
  };
}
