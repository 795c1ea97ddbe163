/** Packs the packages as a release would: pnpm applies `publishConfig` and turns `workspace:` into versions. */
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { pnpm } from "./pnpm.mjs";

/** The packages, by the name of their folder in packages/. */
export const PACKAGES = ["core", "http", "express", "koa", "fetch", "nest", "testing"];

/** Packs all of them into an existing folder; gives the path of each tarball by its package's folder name. */
export function packAll(folder) {
  pnpm(["--recursive", "--filter", "./packages/*", "pack", "--pack-destination", folder], { quiet: true });
  const tarballs = readdirSync(folder);
  return Object.fromEntries(
    PACKAGES.map((name) => {
      const tarball = tarballs.find((file) => file.startsWith(`diskcache-${name}-`));
      if (tarball === undefined)
        throw new Error(`@diskcache/${name} was not packed: ${folder} has ${tarballs.join(", ") || "nothing"}`);
      return [name, join(folder, tarball)];
    }),
  );
}
