/** An application in CommonJS with the packed packages: `require()` in Node, Jest as Nest sets it up, and a compiler that does not know `exports`. */
import { cpSync, mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { pnpm } from "../../scripts/pnpm.mjs";
import { installProject } from "./installed-project.js";
import type { InstalledProject } from "./installed-project.js";

const here = dirname(fileURLToPath(import.meta.url));
const folder = mkdtempSync(join(tmpdir(), "diskcache-commonjs-"));
const tools = join(folder, "node_modules");
let project: InstalledProject;
afterAll(() => rmSync(folder, { recursive: true }));

beforeAll(async () => {
  // Jest, ts-jest and their compiler by a lockfile of their own; the application below, where it finds them.
  cpSync(join(here, "jest"), folder, { recursive: true });
  pnpm(["install", "--frozen-lockfile", "--prefer-offline"], { cwd: folder, quiet: true });
  mkdirSync(join(folder, "application"));
  project = await installProject(join(folder, "application"), "commonjs");
  cpSync(join(here, "commonjs"), join(project.folder, "src"), { recursive: true });
  project.write("tsconfig.json", {
    compilerOptions: {
      target: "es2022",
      module: "commonjs",
      moduleResolution: "node10",
      esModuleInterop: true,
      strict: true,
      rootDir: "src",
      outDir: "dist",
      types: ["node"],
    },
    include: ["src"],
    exclude: ["src/**/*.spec.*"],
  });
}, 300_000);

describe("an application in CommonJS", () => {
  it("compiles with moduleResolution node10, and its `require()` finds a page cached", async () => {
    const tsc = join(tools, "typescript", "bin", "tsc");
    const { stdout } = await project.node([tsc, "-p", "."]).catch((error: { stdout: string }) => error);
    expect(stdout).toBe("");
    const run = await project.node([join("dist", "main.js")]);
    expect({ ...run }).toEqual({ stdout: "hit\n", stderr: "" });
  }, 120_000);

  it("shares its pages between ES modules and the CommonJS bundle, as between two processes", async () => {
    project.write(
      "both.mjs",
      `import { createRequire } from "node:module";
      import { FileCache as Imported } from "@diskcache/core";
      const bundle = "./node_modules/@diskcache/core/dist/index.cjs";
      const { FileCache: Required } = createRequire(import.meta.url)(bundle);
      const [one, other] = [new Imported({ dir: "shared" }), new Required({ dir: "shared" })];
      await one.set("a", 1);
      const before = await other.get("a");
      await other.set("a", 2);
      const between = await one.get("a");
      await one.delete("a");
      console.log(JSON.stringify([Imported === Required, before, between, await other.get("a", { default: "none" })]));
      await Promise.all([one.close(), other.close()]);`,
    );
    const { stdout } = await project.node(["both.mjs"]);
    expect(JSON.parse(stdout)).toEqual([false, 1, 2, "none"]);
  });

  it.each([
    { transform: "ts-jest", spec: "ts" },
    { transform: "Jest's own Babel", spec: "js" },
  ])(
    "is tested by Jest with $transform",
    async ({ spec }) => {
      project.write("jest.config.json", {
        moduleFileExtensions: ["js", "json", "ts"],
        rootDir: "src",
        testRegex: String.raw`.*\.spec\.${spec}$`,
        testEnvironment: "node",
        ...(spec === "ts" && { transform: { "^.+\\.(t|j)s$": "ts-jest" } }),
      });
      const jest = join(tools, "jest", "bin", "jest.js");
      const { stderr } = await project
        .node([jest, "--config", "jest.config.json", "--no-cache", "--no-watchman", "--json"])
        .catch((error: { stderr: string }) => error);
      expect(stderr).toMatch(/^Tests: +1 passed, 1 total$/m);
    },
    180_000,
  );
});
