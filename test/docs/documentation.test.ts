/** The code in the documentation: all of it compiles against the sources; what is marked `run` runs, on the built
 * packages. */
import { execFile } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import ts from "typescript-api";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { codeBlocks } from "./code-blocks.js";
import type { DocumentedCode } from "./code-blocks.js";

const run = promisify(execFile);
const root = fileURLToPath(new URL("../..", import.meta.url));
const blocks = documents().flatMap((document) => codeBlocks(document, readFileSync(join(root, document), "utf8")));

// Below test/, so that imports find what test/package.json lists.
const caches = join(root, "test", ".cache");
mkdirSync(caches, { recursive: true });
const folder = mkdtempSync(join(caches, "documentation-"));
afterAll(() => rmSync(folder, { recursive: true }));

describe("the code of the documentation", () => {
  let complaints = "";
  beforeAll(async () => {
    // Nest has decorators of parameters, which only TypeScript's older kind knows.
    const older = join(folder, "older-decorators");
    mkdirSync(older);
    for (const block of blocks) {
      const place = block.code.includes('"@nestjs/') ? older : folder;
      writeFileSync(join(place, fileName(block)), `${block.code}\nexport {};\n`);
    }
    writeFileSync(join(folder, "tsconfig.json"), JSON.stringify(configuration(false)));
    writeFileSync(join(older, "tsconfig.json"), JSON.stringify(configuration(true)));
    complaints = (await compile(folder)) + (await compile(older));
  });

  it.each(documents())("compiles, in %s", (document) => {
    const own = blocks.filter((block) => block.document === document).map(fileName);
    const lines = complaints.split("\n").filter((line) => own.includes(line.split("(")[0] ?? ""));
    expect(lines).toEqual([]);
  });

  it("is all that the compiler complains about", () => {
    const names = blocks.map(fileName);
    expect(complaints.split("\n").filter((line) => line !== "" && !names.includes(line.split("(")[0] ?? ""))).toEqual(
      [],
    );
  });

  it.for(blocks.filter((block) => block.runs))("runs and ends: $document, line $line", async (block, { signal }) => {
    const { outputText } = ts.transpileModule(block.code, {
      compilerOptions: { module: ts.ModuleKind.ESNext, target: ts.ScriptTarget.ES2022 },
    });
    const file = join(folder, `${basename(fileName(block), `.${block.language}`)}.mjs`);
    writeFileSync(file, outputText);
    const cwd = mkdtempSync(join(tmpdir(), "diskcache-documentation-"));
    try {
      await expect(run(process.execPath, [file], { cwd, signal })).resolves.toBeDefined();
    } finally {
      rmSync(cwd, { recursive: true });
    }
  });
});

function documents(): string[] {
  const below = (parent: string) =>
    existsSync(join(root, parent)) ? readdirSync(join(root, parent)).map((name) => `${parent}/${name}`) : [];
  const readmes = [...below("packages"), ...below("examples")].map((package_) => `${package_}/README.md`);
  const files = ["README.md", ...below("docs").filter((name) => name.endsWith(".md")), ...readmes];
  return files.filter((file) => existsSync(join(root, file)));
}

function fileName({ document, line, language }: DocumentedCode): string {
  return `${document.replaceAll("/", "__")}.${line}.${language}`;
}

/** As a careful user would have it. The source condition makes it check against src/, as the tests do. */
function configuration(experimentalDecorators: boolean) {
  return {
    compilerOptions: {
      target: "es2022",
      lib: ["es2023"],
      module: "nodenext",
      customConditions: ["diskcache-source"],
      types: ["node"],
      strict: true,
      experimentalDecorators,
      noEmit: true,
      allowJs: true,
      checkJs: true,
      skipLibCheck: true,
    },
    include: ["*.ts", "*.js"],
  };
}

/** What the compiler says, one complaint a line, beginning with the file's name and `(line,column)`: those of the
 * document. */
async function compile(cwd: string): Promise<string> {
  if (blocks.length === 0) return "";
  const compiler = join(root, "node_modules", "typescript", "bin", "tsc");
  const { stdout } = await run(process.execPath, [compiler, "-p", ".", "--pretty", "false"], { cwd }).catch(
    (error: { stdout: string }) => error,
  );
  return stdout;
}
