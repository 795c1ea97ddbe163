/** The packages as a user gets them: packed, installed in an empty project, imported, compiled against and run. */
import { cpSync, existsSync, mkdtempSync, readFileSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { entriesOf, PACKAGES } from "../../scripts/packages.mjs";
import { installProject } from "./installed-project.js";
import type { InstalledProject } from "./installed-project.js";

const here = dirname(fileURLToPath(import.meta.url));
const folder = mkdtempSync(join(tmpdir(), "diskcache-packed-"));
let project: InstalledProject;
afterAll(() => rmSync(folder, { recursive: true }));

beforeAll(async () => {
  project = await installProject(folder, "module");
  project.write("tsconfig.json", {
    compilerOptions: {
      target: "es2022",
      module: "nodenext",
      moduleResolution: "nodenext",
      rootDir: "src",
      strict: true,
      exactOptionalPropertyTypes: true,
      noUncheckedIndexedAccess: true,
      noPropertyAccessFromIndexSignature: true,
      verbatimModuleSyntax: true,
      types: ["node"],
    },
    include: ["src"],
  });
  cpSync(join(here, "project"), join(folder, "src"), { recursive: true });
}, 180_000);

/** What a package exports first of all, where it is not `diskCache`. */
const DOORS: Readonly<Record<string, string>> = {
  core: "PageCache",
  nest: "DiskCacheModule",
  redis: "redisTier",
  testing: "testCache",
};

describe.each(PACKAGES)("@diskcache/%s, packed", (name) => {
  const installed = join(folder, "node_modules", "@diskcache", name);
  const files = () =>
    readdirSync(installed, { recursive: true, encoding: "utf8" }).filter((file) => !file.startsWith("node_modules"));

  it("has what the manifest promises, and no more", () => {
    const top = files().filter((file) => !file.includes("/"));
    expect(top.sort()).toEqual(["CHANGELOG.md", "LICENSE", "README.md", "dist", "docs", "package.json"]);
  });

  it("has each entry in one file, for both kinds of modules, and neither sources nor maps", () => {
    const dist = readdirSync(join(installed, "dist"));
    for (const { bundle } of entriesOf(name))
      for (const ending of ["js", "cjs", "d.ts", "d.cts"]) expect(dist).toContain(`${bundle}.${ending}`);
    expect(files().filter((file) => /\.map$|\.tsbuildinfo$|\.test\.|(?<!\.d)\.ts$/.test(file))).toEqual([]);
    expect(dist.length).toBeLessThanOrEqual(4 * (entriesOf(name).length + 1) + 1);
  });

  it("does not name the sources or the workspace in its manifest", () => {
    const manifest = readFileSync(join(installed, "package.json"), "utf8");
    expect(manifest).not.toMatch(/diskcache-source|workspace:|devDependencies/);
  });

  it("leads in README.md and docs/ to files that it has, or to an address", () => {
    const pages = files().filter((file) => file.endsWith(".md"));
    const dead = pages.flatMap((page) => {
      const text = readFileSync(join(installed, page), "utf8").replace(/^```[\s\S]*?^```$/gm, "");
      const targets = [...text.matchAll(/\]\((?<target>[^)#\s]+)/g)].map(({ groups }) => groups!["target"]!);
      const relative = targets.filter((target) => !/^https?:/.test(target));
      return relative.filter((target) => !existsSync(join(installed, dirname(page), target))).map((to) => [page, to]);
    });
    expect(dead).toEqual([]);
  });

  it("can be imported", async () => {
    const program = `const names = Object.keys(await import("@diskcache/${name}")); console.log(JSON.stringify(names))`;
    const { stdout } = await project.node(["--input-type=module", "--eval", program]);
    expect(JSON.parse(stdout)).toContain(DOORS[name] ?? "diskCache");
  });

  it("is the same module for `import` and for `require()`", async () => {
    const program = `
      import { createRequire } from "node:module";
      import * as imported from "@diskcache/${name}";
      const required = createRequire(import.meta.url)("@diskcache/${name}");
      console.log(Object.keys(imported).every((name) => imported[name] === required[name]))`;
    const { stdout, stderr } = await project.node(["--input-type=module", "--eval", program]);
    expect({ stdout, stderr }).toEqual({ stdout: "true\n", stderr: "" });
  });

  it("has the same exports for tools that cannot load ES modules synchronously", async () => {
    const program = `
      import { createRequire } from "node:module";
      const names = (exports) => Object.keys(exports).sort().join();
      const required = createRequire(import.meta.url)("./node_modules/@diskcache/${name}/dist/index.cjs");
      console.log(names(await import("@diskcache/${name}")) === names(required))`;
    project.write("names.mjs", program);
    const { stdout } = await project.node(["names.mjs"]);
    expect(stdout).toBe("true\n");
  });
});

describe("the bundles", () => {
  it("keep the names of classes and functions, in errors and their stacks, too", async () => {
    const program = `
      import { DiskCacheError, FileCache, PageCache } from "@diskcache/core";
      import { diskCache } from "@diskcache/express";
      const names = [DiskCacheError.name, FileCache.name, PageCache.name];
      try { diskCache({ dirr: "pages" }); } catch (error) { console.log(JSON.stringify({ names, stack: error.stack })); }`;
    const { stdout } = await project.node(["--input-type=module", "--eval", program]);
    const { names, stack } = JSON.parse(stdout) as { names: string[]; stack: string };
    expect(names).toEqual(["DiskCacheError", "FileCache", "PageCache"]);
    expect(stack).toMatch(
      /^DiskCacheError: [\s\S]+at optionError .+dist\/index\.js[\s\S]+at diskCache .+dist\/index\.js/,
    );
  });

  it.each(["core", "http", "express", "koa"])("of @diskcache/%s load neither WebCrypto nor undici", async (name) => {
    const program = `
      await import("@diskcache/${name}");
      console.log(process.moduleLoadList.filter((module) => /webcrypto|undici/.test(module)).join());`;
    const { stdout } = await project.node(["--input-type=module", "--eval", program]);
    expect(stdout.trim()).toBe("");
  });

  it("promise no values that are only types", () => {
    const declarations = join(folder, "node_modules", "@diskcache", "express", "dist", "index.d.ts");
    expect(readFileSync(declarations, "utf8")).toMatch(/^export type \* from "@diskcache\/core";$/m);
  });

  it("have the licences of what became part of them", () => {
    const licences = readFileSync(join(folder, "node_modules", "@diskcache", "core", "dist", "licences.txt"), "utf8");
    expect(licences.match(/^(etag|fresh) \d.*$/gm)).toHaveLength(2);
    expect(licences).toContain("Permission is hereby granted");
  });
});

// The oldest compiler API that is installed here, and the one the packages are built with.
describe.each(["typescript-api", "typescript"])("a strict project, with %s", (compiler) => {
  it("compiles against the declarations and runs", async () => {
    const tsc = fileURLToPath(new URL(`../../node_modules/${compiler}/bin/tsc`, import.meta.url));
    const { stdout } = await project
      .node([tsc, "-p", ".", "--outDir", compiler])
      .catch((error: { stdout: string }) => error);
    expect(stdout).toBe("");
    const programs = readdirSync(join(here, "project")).filter((file) => !file.startsWith("expect-"));
    for (const file of programs) await project.node([join(compiler, file.replace(/\.ts$/, ".js"))]);
  }, 120_000);
});
