/**
 * Packs the packages as a release publishes them: `npm run pack -- <folder>`. The manifest of a tarball is made of the
 * one in the repository, so that all packages have the same: what is told to tools that know `exports`, and what to
 * older ones. Never publishes; docs/releasing.md says how.
 */
import { spawnSync } from "node:child_process";
import { cpSync, existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { bundleAll } from "./bundle.mjs";
import { copyDocuments } from "./packed-documents.mjs";
import { entriesOf, folderOf, manifestOf, PACKAGES } from "./packages.mjs";

/** Packs all of them into a folder; gives the path of each tarball by its package's folder name. Expects a build. */
export async function packAll(folder) {
  await bundleAll();
  mkdirSync(folder, { recursive: true });
  const staged = mkdtempSync(join(tmpdir(), "diskcache-staged-"));
  try {
    return Object.fromEntries(PACKAGES.map((name) => [name, packOne(name, join(staged, name), resolve(folder))]));
  } finally {
    rmSync(staged, { recursive: true });
  }
}

function packOne(name, staged, folder) {
  const manifest = publishedManifest(name);
  mkdirSync(staged);
  writeFileSync(join(staged, "package.json"), `${JSON.stringify(manifest, null, 2)}\n`);
  for (const file of ["dist", "CHANGELOG.md", "LICENSE"])
    if (existsSync(join(folderOf(name), file)))
      cpSync(join(folderOf(name), file), join(staged, file), { recursive: true });
  copyDocuments(name, staged, manifest.repository);
  const { status, stderr } = spawnSync("npm", ["pack", "--json", "--ignore-scripts", "--pack-destination", folder], {
    cwd: staged,
    encoding: "utf8",
    shell: process.platform === "win32", // npm is a .cmd file there, which only a shell can start
  });
  if (status !== 0) throw new Error(`npm pack of ${manifest.name}: ${stderr}`);
  return join(folder, `${manifest.name.replace("@", "").replace("/", "-")}-${manifest.version}.tgz`);
}

/** The manifest of a package in its tarball. */
export function publishedManifest(name) {
  const { scripts: _, devDependencies: __, exports, dependencies, publishConfig, ...manifest } = manifestOf(name);
  const { exports: ___, ...publish } = publishConfig ?? {};
  const entries = entriesOf(name);
  const further = entries.filter(({ path }) => path !== ".");
  return {
    ...manifest,
    // For tools that do not know `exports`: TypeScript with `moduleResolution: node10`, older bundlers.
    main: "./dist/index.cjs",
    types: "./dist/index.d.cts",
    ...(further.length > 0 && {
      typesVersions: {
        "*": Object.fromEntries(
          further.map(({ path, bundle }) => [path.replace("./", ""), [`./dist/${bundle}.d.cts`]]),
        ),
      },
    }),
    exports: {
      ...Object.fromEntries(entries.map(({ path, bundle }) => [path, conditions(bundle)])),
      ...Object.fromEntries(Object.entries(exports).filter(([, target]) => typeof target === "string")),
    },
    ...(dependencies && {
      dependencies: Object.fromEntries(
        Object.entries(dependencies).map(([dependency, range]) => [dependency, publishedRange(dependency, range)]),
      ),
    }),
    publishConfig: publish,
  };
}

// Node takes the first for `import` and for `require()`, so that a process has each package once, whoever loads it; so do
// tools that load ES modules synchronously. What is left for the second is Jest before Node 24.9, and bundlers.
function conditions(bundle) {
  const module = { types: `./dist/${bundle}.d.ts`, default: `./dist/${bundle}.js` };
  return {
    "module-sync": module,
    require: { types: `./dist/${bundle}.d.cts`, default: `./dist/${bundle}.cjs` },
    default: module,
  };
}

function publishedRange(dependency, range) {
  if (!range.startsWith("workspace:")) return range;
  const name = PACKAGES.find((folder) => manifestOf(folder).name === dependency);
  return range.replace("workspace:", "") + manifestOf(name).version;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  // Asked for by npm, in the folder of a package.
  if (process.argv[2] === "--refuse") throw new Error("publish a tarball of `npm run pack`: see docs/releasing.md");
  const { prepare } = await import("./prepare.mjs");
  await prepare();
  for (const tarball of Object.values(await packAll(process.argv[2] ?? "tarballs"))) console.log(tarball);
}
