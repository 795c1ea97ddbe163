/** A project outside of the repository in which the packed packages are installed, with what applications use beside them. */
import { execFile } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { packAll } from "../../scripts/pack.mjs";
import { manifestOf, PACKAGES } from "../../scripts/packages.mjs";
import { pnpm } from "../../scripts/pnpm.mjs";

const run = promisify(execFile);
const root = fileURLToPath(new URL("../..", import.meta.url));

export class InstalledProject {
  readonly folder: string;

  constructor(folder: string) {
    this.folder = folder;
  }

  /** Runs Node in the project. */
  node(args: readonly string[]): Promise<{ readonly stdout: string; readonly stderr: string }> {
    return run(process.execPath, args, { cwd: this.folder });
  }

  /** An object is written as JSON, which is YAML, too. */
  write(file: string, content: string | object): void {
    const text = typeof content === "string" ? content : JSON.stringify(content);
    writeFileSync(join(this.folder, file), text);
  }
}

/** @param folder an empty one
 * @param type of the modules that the project itself consists of */
export async function installProject(folder: string, type: "module" | "commonjs"): Promise<InstalledProject> {
  mkdirSync(join(folder, "tarballs"), { recursive: true });
  const project = new InstalledProject(folder);
  const tarballs = Object.entries(await packAll(join(folder, "tarballs"))).map(([name, file]) => [
    `@diskcache/${name}`,
    `file:${file}`,
  ]);
  // The frameworks and types of the packages, in the versions that are installed here already, so that pnpm finds them in
  // its store.
  const frameworks = PACKAGES.flatMap((name) => {
    const { devDependencies = {}, peerDependencies = {} } = manifestOf(name);
    const types = Object.keys(devDependencies).filter((dependency) => dependency.startsWith("@types/"));
    return [...Object.keys(peerDependencies), ...types].map((dependency) => [
      dependency,
      installedVersion(dependency, `packages/${name}`),
    ]);
  });
  const others = ["@nestjs/platform-express", "@types/node"].map((name) => [name, installedVersion(name)]);
  const dependencies = Object.fromEntries([...tarballs, ...frameworks, ...others]);
  project.write("package.json", { private: true, type, dependencies });
  // The packages depend on each other by version, and these versions are in no registry yet.
  // Of the dependencies of clients, one wants to run a script.
  const overrides = Object.fromEntries(tarballs);
  project.write("pnpm-workspace.yaml", { pmOnFail: "ignore", overrides, allowBuilds: { protobufjs: false } });
  pnpm(["install", "--prefer-offline"], { cwd: folder, quiet: true });
  return project;
}

/** Which version of a package is installed in the repository, or in a workspace of it. */
export function installedVersion(name: string, workspace = "test"): string {
  for (const folder of [workspace, "."]) {
    const manifest = join(root, folder, "node_modules", name, "package.json");
    if (existsSync(manifest)) return (JSON.parse(readFileSync(manifest, "utf8")) as { version: string }).version;
  }
  throw new Error(`${name} is not installed`);
}
