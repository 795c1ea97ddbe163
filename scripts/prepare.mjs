/** Makes a fresh clone ready to run: installs what the lockfile names, then builds. Quick when nothing changed since the last time. */
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { pnpm, root } from "./pnpm.mjs";

/** Installs and builds; ends the process with a message when either fails. */
export async function prepare() {
  try {
    install();
    await build();
  } catch (error) {
    console.error(error.message);
    process.exit(1);
  }
}

function install() {
  // Inside node_modules, so that removing node_modules removes the claim that it is complete.
  const stamp = join(root, "node_modules", ".diskcache-installed");
  const wanted = fingerprint();
  if (workspaces().every(isInstalled) && existsSync(stamp) && readFileSync(stamp, "utf8") === wanted) return;
  rmSync(stamp, { force: true });
  console.log("Installing what pnpm-lock.yaml names …");
  pnpm(["install", "--frozen-lockfile"]);
  writeFileSync(stamp, wanted);
}

/** What decides the content of node_modules: the lockfile, the manifests, and the machine that native binaries were chosen for. */
function fingerprint() {
  const hash = createHash("sha256").update(`${process.platform} ${process.arch}\n`);
  for (const file of [
    "pnpm-lock.yaml",
    "pnpm-workspace.yaml",
    ...workspaces().map((folder) => join(folder, "package.json")),
  ]) {
    hash.update(`${file}\n`).update(readFileSync(join(root, file)));
  }
  return hash.digest("hex");
}

/** The folders with a package.json, as pnpm-workspace.yaml lists them. */
function workspaces() {
  const below = (parent) =>
    existsSync(join(root, parent)) ? readdirSync(join(root, parent)).map((name) => join(parent, name)) : [];
  const folders = [".", ...below("packages").sort(), ...below("examples").sort(), "test", "bench"];
  return folders.filter((folder) => existsSync(join(root, folder, "package.json")));
}

function isInstalled(folder) {
  const { dependencies, devDependencies } = JSON.parse(readFileSync(join(root, folder, "package.json"), "utf8"));
  return (!dependencies && !devDependencies) || existsSync(join(root, folder, "node_modules"));
}

/** The compiler checks all, and makes the programs of the examples and the declarations of the packages; the bundler makes what is published. */
async function build() {
  removeStaleOutput();
  const compiler = join(root, "node_modules", "typescript", "bin", "tsc");
  const { status } = spawnSync(process.execPath, [compiler, "-b"], { cwd: root, stdio: "inherit" });
  if (status !== 0) throw new Error("The build failed.");
  // Not before: the bundler itself may just have been installed.
  const { bundleAll } = await import("./bundle.mjs");
  await bundleAll();
}

/** The compiler never deletes: without this the output of a source file that was renamed or removed would be imported and packed. */
function removeStaleOutput() {
  for (const folder of workspaces()) {
    const compiled = join(root, folder, folder.startsWith("packages") ? "build" : "dist");
    if (!existsSync(compiled) || !existsSync(join(root, folder, "src"))) continue;
    for (const output of readdirSync(compiled, { recursive: true })) {
      const module = /^(?<name>.+?)(\.d\.ts|\.js)(\.map)?$/.exec(output)?.groups.name;
      if (module && !existsSync(join(root, folder, "src", `${module}.ts`))) rmSync(join(compiled, output));
    }
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await prepare();
