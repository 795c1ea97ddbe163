/** A process that runs one module of the tests straight from the sources, as Vitest would: `fork(run-module.mjs, [module, …arguments])` calls its `main(…arguments)`.
 * What it needs of our own sources is bundled first, which takes a sixth of the time of loading module after module: tests start many such processes at once. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { rolldown } from "rolldown";

const [module, ...given] = process.argv.slice(2);

/** Whatever is installed stays where it is, named by its place, because the bundle lies elsewhere. */
const installed = {
  name: "installed-packages-stay-outside",
  async resolveId(source, importer) {
    if (source.startsWith("node:") || importer === undefined) return undefined;
    const resolved = await this.resolve(source, importer, { skipSelf: true });
    if (!resolved?.id.includes("/node_modules/")) return resolved;
    return { id: pathToFileURL(resolved.id).href, external: true };
  },
};

/** Every module still knows its own address. */
const ownAddress = {
  name: "own-address",
  transform(code, id) {
    return code.includes("import.meta.url")
      ? code.replaceAll("import.meta.url", JSON.stringify(pathToFileURL(id).href))
      : undefined;
  },
};

async function bundle(input) {
  const build = await rolldown({
    input,
    platform: "node",
    resolve: { conditionNames: ["diskcache-source", "node"] },
    plugins: [installed, ownAddress],
    logLevel: "warn",
  });
  const { output } = await build.generate({ format: "esm", sourcemap: "inline", codeSplitting: false });
  await build.close();
  return output[0].code;
}

async function load(code) {
  const directory = mkdtempSync(join(tmpdir(), "diskcache-module-"));
  const file = join(directory, "module.mjs");
  writeFileSync(file, code);
  try {
    return await import(pathToFileURL(file).href);
  } finally {
    rmSync(directory, { recursive: true });
  }
}

process.setSourceMapsEnabled(true);
const { main } = await load(await bundle(fileURLToPath(new URL(`../..${module}`, import.meta.url))));
await main(...given);
