/**
 * Makes what is published of the sources: each entry of a package as one ES module, one CommonJS module and their
 * declarations, without comments in the code and without source maps. One file is read and compiled in a fraction of
 * the time of a hundred. Names are left as they are, so that stack traces can be read.
 */
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { isBuiltin } from "node:module";
import { dirname, join, relative, sep } from "node:path";
import { fileURLToPath } from "node:url";
import { rolldown } from "rolldown";
import { dts } from "rolldown-plugin-dts";
import { entriesOf, folderOf, manifestOf, PACKAGES, SOURCE } from "./packages.mjs";
import { root } from "./pnpm.mjs";

/** Bundles every package whose sources are others than the last time. Expects the declarations of `tsc -b` in build/. */
export async function bundleAll() {
  const wanted = fingerprint();
  for (const name of PACKAGES) {
    const stamp = join(folderOf(name), "build", ".bundled");
    const isThere = entriesOf(name).every(({ bundle }) => existsSync(join(folderOf(name), "dist", `${bundle}.cjs`)));
    if (isThere && existsSync(stamp) && readFileSync(stamp, "utf8") === wanted) continue;
    rmSync(stamp, { force: true });
    writeFolder(join(folderOf(name), "dist"), [...(await code(name)), ...(await declarations(name))]);
    writeFileSync(stamp, wanted);
  }
}

async function code(name) {
  const folder = folderOf(name);
  const input = Object.fromEntries(entriesOf(name).map(({ bundle, source }) => [bundle, join(folder, `${source}.ts`)]));
  const { dependencies, peerDependencies } = manifestOf(name);
  const bundle = await rolldown({
    input,
    cwd: folder,
    platform: "node",
    // What a user's package manager installs stays outside. A development dependency that is imported becomes part of the bundle.
    external: external(Object.keys({ ...dependencies, ...peerDependencies })),
    resolve: { extensionAlias: { ".js": [".ts", ".js"] } },
    transform: { target: "es2022" },
    treeshake: { moduleSideEffects: false },
  });
  const files = [];
  for (const [format, ending] of [
    ["es", "js"],
    ["cjs", "cjs"],
  ]) {
    const { output } = await bundle.generate({
      format,
      entryFileNames: `[name].${ending}`,
      chunkFileNames: `[name].${ending}`,
      exports: "named",
      minifyInternalExports: false,
      comments: { legal: true, jsdoc: false, annotation: false },
    });
    for (const { fileName, code: text, moduleIds } of output) {
      const renamed = /\b(?:class|let|var|const) (?<name>[A-Z]\w*[a-z]\w*\$\d+)\b(?: = class|.*\{)/.exec(text)?.groups
        .name;
      if (renamed) throw new Error(`packages/${name}: two classes have the name ${renamed}`);
      files.push({ fileName, text: inAscii(format === "es" ? withoutFacades(text) : text), moduleIds });
    }
  }
  const licences = licencesOf(files.flatMap(({ moduleIds }) => moduleIds));
  return licences === "" ? files : [...files, { fileName: "licences.txt", text: licences }];
}

async function declarations(name) {
  const folder = folderOf(name);
  const input = Object.fromEntries(
    entriesOf(name).map(({ bundle, source }) => [bundle, join(folder, `${source.replace(/^src\//, "build/")}.d.ts`)]),
  );
  const missing = Object.values(input).find((file) => !existsSync(file));
  if (missing !== undefined)
    throw new Error(
      `${relative(root, missing)} is not there: packages/${name}/tsconfig.json is to extend tsconfig.package.json`,
    );
  refuseDoubleNames(join(folder, "build"));
  const bundle = await rolldown({
    input,
    cwd: folder,
    external: (id) => !id.startsWith(".") && !id.startsWith("/") && !Object.values(input).includes(id),
    plugins: [dts({ dtsInput: true })],
  });
  const { output } = await bundle.generate({
    format: "es",
    entryFileNames: "[name].ts",
    chunkFileNames: "[name].ts",
    minifyInternalExports: false,
  });
  return output.flatMap(({ fileName, code: rolled, facadeModuleId }) => {
    const text = facadeModuleId === null ? rolled : asTypesOnly(rolled, readFileSync(facadeModuleId, "utf8"));
    const forCommonJs = text.replace(/(?<=from "\.\/[^"]+)\.js(?=")/g, ".cjs");
    return [
      { fileName, text },
      { fileName: fileName.replace(/\.ts$/, ".cts"), text: forCommonJs },
    ];
  });
}

/** TypeScript allows a file to declare a function of the name of a type that it imports; the tool takes one for the other. */
function refuseDoubleNames(folder) {
  for (const file of readdirSync(folder, { recursive: true, encoding: "utf8" }).filter((name) =>
    name.endsWith(".d.ts"),
  )) {
    const text = readFileSync(join(folder, file), "utf8");
    for (const [, names] of text.matchAll(/^import type \{([^}]*)\}/gm))
      for (const name of names.split(",").map((each) => each.trim().replace(/^.* as /, "")))
        if (new RegExp(String.raw`^(?:export )?declare (?:function|const|class) ${name}\b`, "m").test(text))
          throw new Error(`${join(folder, file)}: import the type ${name} under another name than that of the value`);
  }
}

/** The tool writes `export *` for `export type *` as well, and that would promise values that are not there. */
function asTypesOnly(rolled, original) {
  let text = rolled;
  for (const [, from] of original.matchAll(/^export type \* from ("[^"]+");/gm))
    text = text.replace(`export * from ${from};`, `export type * from ${from};`);
  return text;
}

function external(names) {
  return (id) => id.startsWith("node:") || names.some((name) => id === name || id.startsWith(`${name}/`));
}

/** Node's modules as `require()` gives them. An import of one makes a facade of all its exports, and asks getters for them that load what nothing
 * here uses: WebCrypto with node:crypto, from Node 22 on all of undici with node:http. */
function withoutFacades(text) {
  const made = text
    // What a CommonJS package that became part of the bundle requires.
    .replace(/^import \{ createRequire \} from "node:module";\n/m, "")
    .replace(/^var __require = .*createRequire.*$/m, "const __require = (id) => process.getBuiltinModule(id);")
    .replace(
      /^import (?:(?<whole>[\w$]+)(?:, | ))?(?:\{ (?<names>[^}]+) \} )?from "(?<from>node:[^"]+)";$/gm,
      (_line, ...rest) => {
        const { whole, names, from } = rest.at(-1);
        const wanted = [whole, names && `{ ${names.replaceAll(" as ", ": ")} }`].filter((each) => each !== undefined);
        return wanted.map((each) => `const ${each} = process.getBuiltinModule("${from}");`).join("\n");
      },
    );
  const left = /^(?:import|export) .*"node:.*$|\bcreateRequire\b.*$/m.exec(made)?.[0];
  if (left !== undefined) throw new Error(`this way of importing is not known here: ${left}`);
  for (const [call, id] of made.matchAll(/\b__require\("([^"]*)"\)/g))
    if (!isBuiltin(id)) throw new Error(`${call}: a bundle requires nothing but Node's modules`);
  return made;
}

/** A module in ASCII is decoded and compiled faster: V8 keeps any other as two bytes a character. */
function inAscii(text) {
  return text.replace(/[^\0-\x7f]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`);
}

/** The licences of the packages that became part of a bundle, which have to go with it. */
function licencesOf(moduleIds) {
  /** @type {Set<string>} */
  const folders = new Set(
    moduleIds.filter((id) => id.includes(`${sep}node_modules${sep}`)).map((id) => packageFolder(dirname(id))),
  );
  return [...folders]
    .sort()
    .map((folder) => {
      const { name, version } = JSON.parse(readFileSync(join(folder, "package.json"), "utf8"));
      const licence = readdirSync(folder).find((file) => /^licen[cs]e/i.test(file));
      if (licence === undefined) throw new Error(`${name} ${version} is bundled and has no licence`);
      return `${name} ${version}\n\n${readFileSync(join(folder, licence), "utf8").trim()}\n`;
    })
    .join("\n\n");
}

function packageFolder(folder) {
  return existsSync(join(folder, "package.json")) ? folder : packageFolder(dirname(folder));
}

/** Writes what differs and removes what is no longer made, so that programs that run on the folder are not disturbed. */
function writeFolder(folder, files) {
  mkdirSync(folder, { recursive: true });
  for (const { fileName, text } of files) {
    const path = join(folder, fileName);
    if (!existsSync(path) || readFileSync(path, "utf8") !== text) writeFileSync(path, text);
  }
  const names = files.map(({ fileName }) => fileName);
  for (const old of readdirSync(folder)) if (!names.includes(old)) rmSync(join(folder, old), { recursive: true });
}

/** All that decides the bundles: the sources and manifests of the packages, this program, and the tools by the lockfile. */
function fingerprint() {
  const hash = createHash("sha256").update(SOURCE);
  const files = PACKAGES.flatMap((name) => [
    join(folderOf(name), "package.json"),
    ...readdirSync(join(folderOf(name), "src"), { recursive: true, encoding: "utf8" })
      .filter((file) => file.endsWith(".ts") && !file.endsWith(".test.ts"))
      .sort()
      .map((file) => join(folderOf(name), "src", file)),
  ]);
  for (const file of [...files, fileURLToPath(import.meta.url), join(root, "pnpm-lock.yaml")])
    hash.update(`${file}\n`).update(readFileSync(file));
  return hash.digest("hex");
}
