/** The store's sources as plain JavaScript in a directory of their own, for processes that start often or are killed: they need neither a build nor Vitest. */
import { mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import ts from "typescript-api";

const SOURCES = fileURLToPath(new URL("../../packages/core/src/", import.meta.url));
const compilerOptions = { target: ts.ScriptTarget.ES2022, module: ts.ModuleKind.ESNext, verbatimModuleSyntax: true };

/** @returns {{ store: string, remove: () => void }} the path of `disk-store.js`, and how to take everything away again */
export function compileStore() {
  const directory = mkdtempSync(join(tmpdir(), "diskcache-compiled-"));
  writeFileSync(join(directory, "package.json"), '{ "type": "module" }');
  const waiting = readdirSync(join(SOURCES, "store")).map((name) => `store/${name}`);
  const sources = new Set(waiting.filter((path) => path.endsWith(".ts") && !path.endsWith(".test.ts")));
  // What they import comes along: the loop goes on for what is added to the set meanwhile.
  for (const name of sources) {
    const text = readFileSync(join(SOURCES, name), "utf8");
    for (const { fileName } of ts.preProcessFile(text).importedFiles)
      if (fileName.startsWith(".")) sources.add(join(dirname(name), fileName.replace(/js$/, "ts")));
    const { outputText } = ts.transpileModule(text, { compilerOptions });
    const target = join(directory, name.replace(/ts$/, "js"));
    mkdirSync(dirname(target), { recursive: true });
    writeFileSync(target, outputText);
  }
  return {
    store: join(directory, "store/disk-store.js"),
    remove: () => rmSync(directory, { recursive: true, force: true }),
  };
}
