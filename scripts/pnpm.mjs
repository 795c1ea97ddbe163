/** Runs pnpm through npx, so that a machine with only Node and npm can work on this repository. */
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

/** The repository's folder. */
export const root = fileURLToPath(new URL("..", import.meta.url));

/** Runs pnpm, in the version package.json names, with its output shown; throws when it fails. */
export function pnpm(args, { cwd = root, quiet = false } = {}) {
  const { packageManager } = JSON.parse(readFileSync(new URL("../package.json", import.meta.url), "utf8"));
  const { status, signal, error, stdout, stderr } = spawnSync("npx", ["--yes", packageManager, ...args], {
    cwd,
    env: withoutTheCallersNpm(process.env),
    stdio: quiet ? "pipe" : "inherit",
    encoding: "utf8",
    shell: process.platform === "win32", // npx is a .cmd file there, which only a shell can start
  });
  if (status !== 0) {
    const outcome = error?.message ?? signal ?? `exit code ${status}`;
    throw new Error(`pnpm ${args.join(" ")}: ${outcome}\n${stdout ?? ""}${stderr ?? ""}`);
  }
}

// `npm start` hands its own state to its children: a flag given to it (`npm start --omit=dev`) would reach pnpm as a setting, its
// `prefix` would point npx elsewhere, and NODE_ENV=production would leave the compiler out. Where packages come from stays.
const callersOwn =
  /^(npm_(package|lifecycle|command|execpath|node_execpath)|npm_config_(call|dev|dry_run|global|global_prefix|ignore_scripts|include|local_prefix|location|omit|only|package|prefix|production|workspaces?)$)/i;

function withoutTheCallersNpm(env) {
  return Object.fromEntries(Object.entries(env).filter(([name]) => name !== "NODE_ENV" && !callersOwn.test(name)));
}
