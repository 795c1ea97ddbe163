/** The packages as a user gets them: packed, installed in an empty project, imported, compiled against and run. */
import { execFile } from "node:child_process";
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { PACKAGES, packAll } from "../../scripts/pack.mjs";
import { pnpm } from "../../scripts/pnpm.mjs";

const run = promisify(execFile);
const here = dirname(fileURLToPath(import.meta.url));
const project = mkdtempSync(join(tmpdir(), "diskcache-packed-"));
afterAll(() => rmSync(project, { recursive: true }));

beforeAll(() => {
  mkdirSync(join(project, "tarballs"));
  const tarballs = Object.entries(packAll(join(project, "tarballs"))).map(([name, file]) => [
    `@diskcache/${name}`,
    `file:${file}`,
  ]);
  // The versions that are installed here already, so that pnpm finds them in its store.
  const others = [
    "@nestjs/common",
    "@nestjs/core",
    "@nestjs/platform-express",
    "@types/express",
    "@types/koa",
    "@types/node",
    "express",
    "hono",
    "koa",
    "rxjs",
  ].map((name) => [name, installedVersion(name)]);
  write("package.json", { private: true, type: "module", dependencies: Object.fromEntries([...tarballs, ...others]) });
  // The packages depend on each other by version, and these versions are in no registry yet.
  write("pnpm-workspace.yaml", { pmOnFail: "ignore", overrides: Object.fromEntries(tarballs) });
  write("tsconfig.json", {
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
  cpSync(join(here, "project"), join(project, "src"), { recursive: true });
  pnpm(["install", "--prefer-offline"], { cwd: project, quiet: true });
}, 180_000);

/** What a package exports first of all, where it is not `diskCache`. */
const DOORS: Readonly<Record<string, string>> = {
  core: "PageCache",
  nest: "DiskCacheModule",
  testing: "testCache",
};

describe.each(PACKAGES)("@diskcache/%s, packed", (name) => {
  const folder = join(project, "node_modules", "@diskcache", name);

  it("has what the manifest promises, and no more", () => {
    const files = readdirSync(folder).filter((file) => file !== "node_modules");
    expect(files.sort()).toEqual(["CHANGELOG.md", "LICENSE", "README.md", "dist", "package.json", "src"]);
    const all = readdirSync(folder, { recursive: true, encoding: "utf8" });
    expect(all.filter((file) => /\.test\.|\.tsbuildinfo$/.test(file))).toEqual([]);
  });

  it("does not name the sources or the workspace in its manifest", () => {
    const manifest = readFileSync(join(folder, "package.json"), "utf8");
    expect(manifest).not.toMatch(/diskcache-source|workspace:/);
  });

  it("has the source that each of its maps points to", () => {
    const maps = readdirSync(join(folder, "dist"), { recursive: true, encoding: "utf8" }).filter((file) =>
      file.endsWith(".map"),
    );
    const missing = maps.filter((map) => {
      const path = join(folder, "dist", map);
      const { sources } = JSON.parse(readFileSync(path, "utf8")) as { sources: string[] };
      return !sources.every((source) => existsSync(resolve(dirname(path), source)));
    });
    expect(maps).not.toEqual([]);
    expect(missing).toEqual([]);
  });

  it("can be imported", async () => {
    const program = `const names = Object.keys(await import("@diskcache/${name}")); console.log(JSON.stringify(names))`;
    const { stdout } = await node(["--input-type=module", "--eval", program]);
    expect(JSON.parse(stdout)).toContain(DOORS[name] ?? "diskCache");
  });
});

// The oldest compiler API that is installed here, and the one the packages are built with.
describe.each(["typescript-api", "typescript"])("a strict project, with %s", (compiler) => {
  it("compiles against the declarations and runs", async () => {
    const tsc = fileURLToPath(new URL(`../../node_modules/${compiler}/bin/tsc`, import.meta.url));
    const { stdout } = await node([tsc, "-p", ".", "--outDir", compiler]).catch((error: { stdout: string }) => error);
    expect(stdout).toBe("");
    for (const name of PACKAGES) await node([join(compiler, `${name}.js`)]);
  }, 120_000);
});

function node(args: string[]) {
  return run(process.execPath, args, { cwd: project });
}

function write(file: string, content: object): void {
  writeFileSync(join(project, file), JSON.stringify(content)); // JSON is YAML, too
}

function installedVersion(name: string): string {
  for (const folder of ["test", "."]) {
    const manifest = join(here, "..", "..", folder, "node_modules", name, "package.json");
    if (existsSync(manifest)) return (JSON.parse(readFileSync(manifest, "utf8")) as { version: string }).version;
  }
  throw new Error(`${name} is not installed`);
}
