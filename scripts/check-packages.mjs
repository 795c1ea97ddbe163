/** Looks at the packages as users will receive them: publint and Are The Types Wrong, on the packed tarballs. */
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { packAll } from "./pack.mjs";
import { root } from "./pnpm.mjs";

// The arguments before the tarball. Of attw every way of resolving is asked: `node10`, and CommonJS and ES modules in `node16`.
const TOOLS = {
  publint: ["node_modules/publint/src/cli.js", "run", "--strict"],
  attw: ["node_modules/@arethetypeswrong/cli/dist/index.js", "--profile", "strict", "--format", "ascii"],
};

const tools = process.argv.slice(2);
const folder = mkdtempSync(join(tmpdir(), "diskcache-pack-"));
try {
  const tarballs = await packAll(folder);
  for (const tool of tools.length > 0 ? tools : Object.keys(TOOLS)) {
    for (const [name, tarball] of Object.entries(tarballs)) {
      const { status, stdout, stderr } = spawnSync(process.execPath, [...TOOLS[tool], tarball], {
        cwd: root,
        encoding: "utf8",
      });
      console.log(`${tool}: @diskcache/${name}: ${status === 0 ? "good" : `\n${stdout}${stderr}`}`);
      if (status !== 0) process.exitCode = 1;
    }
  }
} finally {
  rmSync(folder, { recursive: true });
}
