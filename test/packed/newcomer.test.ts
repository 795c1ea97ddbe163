/** What a newcomer does: an empty npm project, an install, the first lines of the README, and a page that is a hit. */
import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, it } from "vitest";
import { packAll } from "../../scripts/pack.mjs";
import { installedVersion } from "./installed-project.js";

const run = promisify(execFile);
const folder = mkdtempSync(join(tmpdir(), "diskcache-newcomer-"));
let tarballs: Record<string, string>;
beforeAll(async () => {
  tarballs = await packAll(join(folder, "tarballs"));
}, 180_000);
afterAll(() => rmSync(folder, { recursive: true }));

it.each([
  { name: "express", framework: "express" },
  { name: "koa", framework: "koa" },
  { name: "http", framework: undefined },
])(
  "npm install and the first lines of @diskcache/$name's README make a page that is a hit",
  async (given) => {
    const project = join(folder, given.name);
    mkdirSync(project);
    const wanted = ["core", "http", given.name].map((name) => tarballs[name]!);
    if (given.framework !== undefined) wanted.push(`${given.framework}@${installedVersion(given.framework)}`);
    await run("npm", ["init", "--yes"], { cwd: project });
    await run("npm", ["install", "--prefer-offline", "--no-audit", "--no-fund", ...new Set(wanted)], { cwd: project });

    const readme = readFileSync(join(project, "node_modules", "@diskcache", given.name, "README.md"), "utf8");
    const [, example = ""] = /^```ts\n([\s\S]+?)^```$/m.exec(readme) ?? [];
    const program = example.replace("listen(3000)", "listen(0, function () { console.log(this.address().port); })");
    expect(program).not.toBe(example);
    writeFileSync(join(project, "app.mjs"), program);

    const application = spawn(process.execPath, ["app.mjs"], { cwd: project, stdio: ["ignore", "pipe", "inherit"] });
    try {
      const [port] = (await once(createInterface(application.stdout), "line")) as [string];
      const ask = async () => {
        const response = await fetch(`http://127.0.0.1:${port}/`);
        return { page: await response.text(), status: response.headers.get("cache-status") };
      };
      const [miss, hit] = [await ask(), await ask()];
      expect(miss.status).toBe("diskcache; fwd=uri-miss; stored");
      expect(hit.status).toMatch(/^diskcache; hit; ttl=\d+$/);
      expect(hit.page).toBe(miss.page);
    } finally {
      application.kill();
      await once(application, "exit");
    }
  },
  180_000,
);
