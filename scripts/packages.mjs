/** Which packages there are and what each exports, read from their manifests: a folder in packages/ is all that a further one needs. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { root } from "./pnpm.mjs";

/** The condition under which tests and editors are given the sources. No packed manifest has it. */
export const SOURCE = "diskcache-source";

/** The packages, by the name of their folder in packages/. */
export const PACKAGES = readdirSync(join(root, "packages"))
  .filter((name) => existsSync(join(root, "packages", name, "package.json")))
  .sort();

/** The folder of a package. */
export function folderOf(name) {
  return join(root, "packages", name);
}

/** The manifest of a package, as it is in the repository. */
export function manifestOf(name) {
  return JSON.parse(readFileSync(join(folderOf(name), "package.json"), "utf8"));
}

/**
 * What a package exports that is built: the path in `exports`, its source below the package's folder without the
 * ending, and the name of the bundle, which is `dist/<name>.js`.
 */
export function entriesOf(name) {
  return Object.entries(manifestOf(name).exports).flatMap(([path, target]) => {
    if (target[SOURCE] === undefined) return [];
    const bundle = /^\.\/dist\/(?<bundle>[^/]+)\.js$/.exec(target.default)?.groups.bundle;
    if (bundle === undefined)
      throw new Error(
        `packages/${name}/package.json: \`default\` of "${path}" is to be "./dist/<name>.js", not ${target.default}`,
      );
    return [{ path, source: target[SOURCE].replace(/^\.\/|\.ts$/g, ""), bundle }];
  });
}
