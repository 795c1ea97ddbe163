/** Starts the application of an example as its reader would, on a port and a directory of its own. */
import { spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { onTestFinished } from "vitest";
import { temporaryDirectory } from "../support/temporary-directory.js";

/** @returns the origin that it says it listens at; rejects when it ends without saying so */
export async function runExample(name: string): Promise<string> {
  const main = fileURLToPath(new URL(`../../examples/${name}/dist/main.js`, import.meta.url));
  const env = { ...process.env, PORT: "0", CACHE_DIR: temporaryDirectory() };
  const child = spawn(process.execPath, [main], { env, stdio: ["ignore", "pipe", "inherit"] });
  const ended = new Promise<void>((resolve) => child.once("exit", () => resolve()));
  onTestFinished(async () => {
    child.kill();
    await ended;
  });
  for await (const line of createInterface(child.stdout)) {
    const origin = /^http:\/\/localhost:\d+/.exec(line)?.[0];
    if (origin !== undefined) return origin;
  }
  throw new Error(`${name} ended before it listened`);
}
