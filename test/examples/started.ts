/** An example, started as its reader starts it, in a directory of its own. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { onTestFinished } from "vitest";
import { temporaryDirectory } from "../support/temporary-directory.js";
import { visit } from "../support/visit.js";
import type { Answer, VisitOptions } from "../support/visit.js";

export interface StartedExample {
  /** What it has printed so far. */
  readonly printed: () => string;
  /** On a connection of its own. */
  visit(target: string, options?: VisitOptions): Promise<Answer>;
}

export async function startExample(name: string): Promise<StartedExample> {
  const main = fileURLToPath(new URL(`../../examples/${name}/dist/main.js`, import.meta.url));
  if (!existsSync(main)) throw new Error(`${name} is not built: run \`npm run build\` first`);
  const child = spawn(process.execPath, [main], { cwd: temporaryDirectory(), env: { ...process.env, PORT: "0" } });
  onTestFinished(async () => {
    const closed = once(child, "close");
    child.kill("SIGTERM");
    await closed;
  });
  let printed = "";
  child.stderr.resume();
  child.stdout.setEncoding("utf8").on("data", (text: string) => (printed += text));
  while (!/http:\S+\n/.test(printed)) await once(child.stdout, "data");
  const origin = /http:\S+/.exec(printed)![0].replace("localhost", "127.0.0.1");
  return { printed: () => printed, visit: (target, options) => visit(origin, target, options) };
}
