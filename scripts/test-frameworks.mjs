/**
 * Runs the applications in examples/frameworks as a user would: our packages from packed tarballs, everything else from
 * the registry by the lockfile of each, built where they need it, started without the cache and with it. What is asked and
 * compared is in examples/frameworks/check.mjs. Changes nothing in the repository, except with `--lock`.
 *
 *   npm run test:frameworks                        # all of them
 *   npm run test:frameworks -- fastify next        # some
 *   npm run test:frameworks -- --folder /tmp/fw    # kept, so that the next run installs only what has changed
 *   npm run test:frameworks -- --lock fastify      # writes package-lock.json
 */
import { spawn } from "node:child_process";
import { copyFileSync, cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, readdirSync } from "node:fs";
import { rmSync, writeFileSync } from "node:fs";
import { connect, createServer } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { parseArgs } from "node:util";
import { compare } from "../examples/frameworks/check.mjs";
import { packAll } from "./pack.mjs";
import { PACKAGES } from "./packages.mjs";
import { root } from "./pnpm.mjs";

const EXAMPLES = join(root, "examples", "frameworks");
// Where an application asks for a newer Node than the one that runs this.
const NEWER_NODE = "22";
const NPM_QUIETLY = ["--no-audit", "--no-fund", "--ignore-scripts", "--prefer-offline"];
const STARTS_WITHIN_MS = 60_000;

const { values: asked, positionals } = parseArgs({
  allowPositionals: true,
  options: { folder: { type: "string" }, lock: { type: "boolean" } },
});
const names = readdirSync(EXAMPLES).filter((name) => existsSync(join(EXAMPLES, name, "package.json")));
const unknown = positionals.find((name) => !names.includes(name));
if (unknown !== undefined) throw new Error(`no example is called "${unknown}": ${names.join(", ")}`);
const chosen = positionals.length > 0 ? positionals : names;

const folder = asked.folder ?? mkdtempSync(join(tmpdir(), "diskcache-frameworks-"));
const children = new Set();
let failures = 0;
try {
  await pack();
  if (asked.lock) for (const name of chosen) await writeLock(name);
  else {
    const waiting = [...chosen];
    const worker = async () => {
      for (let name = waiting.shift(); name !== undefined; name = waiting.shift()) await report(name);
    };
    await Promise.all([worker(), worker()]); // one installs while the other builds
    console.log(
      `${chosen.length - failures} of ${chosen.length} frameworks: the same without the cache, missed and hit`,
    );
    process.exitCode = failures === 0 ? 0 : 1;
  }
} finally {
  for (const child of children) child.kill("SIGKILL");
  if (asked.folder === undefined) rmSync(folder, { recursive: true, maxRetries: 3 });
}

/** Names without a version, because the manifests and lockfiles of the examples name these files. */
async function pack() {
  const versioned = mkdtempSync(join(tmpdir(), "diskcache-pack-"));
  mkdirSync(join(folder, "packed"), { recursive: true });
  for (const [name, tarball] of Object.entries(await packAll(versioned))) {
    copyFileSync(tarball, join(folder, "packed", `diskcache-${name}.tgz`));
  }
  rmSync(versioned, { recursive: true });
}

async function report(name) {
  const started = performance.now();
  const seconds = () => `${((performance.now() - started) / 1000).toFixed(0)} s`;
  try {
    const { versions, checks } = await tryOut(name);
    console.log(`${name.padEnd(13)} ${checks} checks passed, ${seconds()}  (${versions})`);
  } catch (error) {
    failures += 1;
    console.log(`${name.padEnd(13)} FAILED after ${seconds()}\n${error.message.replaceAll(/^/gm, "  ")}`);
  }
}

async function tryOut(name) {
  const manifest = layOut(name);
  const cwd = join(folder, name);
  const node = await nodeFor(manifest.engines.node);
  await install(cwd, node);
  if (manifest.scripts.build) await run("npm", ["run", "build"], cwd, node);

  const start = manifest.scripts.start.split(" ").slice(1); // "node server.js"
  const port = await freePort(); // the same for all starts: pages may print it
  const serve = async (environment, visit) => {
    rmSync(join(cwd, ".cache"), { recursive: true, force: true });
    const server = launch(node, start, cwd, { ...environment, PORT: String(port) });
    try {
      await listening(port, server);
      return await visit(() => server.output);
    } catch (error) {
      throw new Error(`${error.message}\n${server.output}`.trim(), { cause: error });
    } finally {
      await end(server);
    }
  };
  const checks = await compare(name, port, serve);
  return { checks, versions: installedVersions(cwd, manifest) };
}

function layOut(name) {
  const target = join(folder, name);
  mkdirSync(target, { recursive: true });
  for (const file of readdirSync(target)) if (file !== "node_modules") rmSync(join(target, file), { recursive: true });
  cpSync(join(EXAMPLES, name), target, { recursive: true, filter: (path) => !/node_modules|\.cache$/.test(path) });
  return JSON.parse(readFileSync(join(target, "package.json"), "utf8"));
}

async function install(cwd, node) {
  const stamp = join(cwd, "node_modules", ".diskcache-installed");
  const wanted = readFileSync(join(cwd, "package-lock.json"), "utf8");
  if (!existsSync(stamp) || readFileSync(stamp, "utf8") !== wanted) {
    await run("npm", ["ci", ...NPM_QUIETLY], cwd, node);
    writeFileSync(stamp, wanted);
    return;
  }
  // What is kept is of the same lockfile, but for our own packages.
  for (const name of readdirSync(join(cwd, "node_modules", "@diskcache"))) {
    const tarball = join(folder, "packed", `diskcache-${name}.tgz`);
    const target = join(cwd, "node_modules", "@diskcache", name);
    rmSync(target, { recursive: true });
    mkdirSync(target);
    await run("tar", ["-xzf", tarball, "--strip-components=1", "-C", target], cwd, node);
  }
}

async function writeLock(name) {
  const manifest = layOut(name);
  const cwd = join(folder, name);
  const node = await nodeFor(manifest.engines.node);
  await run("npm", ["install", "--package-lock-only", ...NPM_QUIETLY], cwd, node);
  const lock = JSON.parse(readFileSync(join(cwd, "package-lock.json"), "utf8"));
  // Our tarballs are packed for each run.
  for (const ours of PACKAGES) delete lock.packages[`node_modules/@diskcache/${ours}`]?.integrity;
  // npm leaves out an optional package that the registry does not have, and then refuses its own lockfile for it.
  const locked = Object.keys(lock.packages);
  for (const { optionalDependencies = {} } of Object.values(lock.packages)) {
    for (const optional of Object.keys(optionalDependencies)) {
      if (!locked.some((path) => path.endsWith(`node_modules/${optional}`))) delete optionalDependencies[optional];
    }
  }
  writeFileSync(join(EXAMPLES, name, "package-lock.json"), `${JSON.stringify(lock, null, 2)}\n`);
  console.log(`${name}: ${Object.keys(lock.packages).length - 1} packages`);
}

/** This Node, or the newer one where the application asks for it: `engines` of the examples is `>=major.minor`. */
async function nodeFor(range) {
  const [major, minor] = /^>=(?<major>\d+)\.(?<minor>\d+)$/.exec(range).slice(1).map(Number);
  const [ownMajor, ownMinor] = process.versions.node.split(".").map(Number);
  if (ownMajor > major || (ownMajor === major && ownMinor >= minor)) return process.execPath;
  const print = ["--yes", "--package", `node@${NEWER_NODE}`, "--call", "node --print process.execPath"];
  return (await run("npx", print, tmpdir(), process.execPath)).trim();
}

function launch(node, args, cwd, environment) {
  const { NODE_ENV: _, NODE_OPTIONS: __, DISKCACHE: ___, ...rest } = process.env;
  const child = spawn(node, args, {
    cwd,
    env: { ...rest, ...environment },
    stdio: ["ignore", "pipe", "pipe"],
  });
  children.add(child);
  const server = { child, output: "", ended: new Promise((resolve) => child.once("close", resolve)) };
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (data) => (server.output += data));
  return server;
}

async function end({ child, ended }) {
  child.kill("SIGKILL"); // a page that has left is on the disk; the next start begins without it
  await ended;
  children.delete(child);
}

/** Resolves when the port takes a connection. */
async function listening(port, { child }) {
  const deadline = performance.now() + STARTS_WITHIN_MS;
  while (performance.now() < deadline) {
    if (child.exitCode !== null) throw new Error(`it ended with exit code ${child.exitCode} before it listened`);
    const answered = await new Promise((resolve) => {
      const socket = connect(port, "localhost");
      socket.once("connect", () => resolve(true)).once("error", () => resolve(false));
      socket.once("connect", () => socket.destroy());
    });
    if (answered) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error(`it did not listen within ${STARTS_WITHIN_MS / 1000} s`);
}

function freePort() {
  return new Promise((resolve, reject) => {
    const server = createServer().once("error", reject);
    server.listen(0, () => {
      const { port } = server.address();
      server.close(() => resolve(port));
    });
  });
}

/** Runs a command to its end; gives what it printed, and throws with that when it fails. */
async function run(command, args, cwd, node) {
  const { NODE_ENV: _, ...rest } = process.env;
  const PATH = `${dirname(node)}:${process.env.PATH}`;
  const quiet = { NO_UPDATE_NOTIFIER: "1", NEXT_TELEMETRY_DISABLED: "1", ASTRO_TELEMETRY_DISABLED: "1", CI: "1" };
  const child = spawn(command, args, { cwd, env: { ...rest, ...quiet, PATH }, stdio: ["ignore", "pipe", "pipe"] });
  children.add(child);
  let [stdout, all] = ["", ""];
  child.stdout.on("data", (data) => ((stdout += data), (all += data)));
  child.stderr.on("data", (data) => (all += data));
  const code = await new Promise((resolve, reject) => child.once("close", resolve).once("error", reject));
  children.delete(child);
  if (code !== 0) throw new Error(`${command} ${args.join(" ")}: exit code ${code}\n${shortened(all)}`);
  return stdout;
}

/** npm says first what is wrong, compilers last. */
function shortened(text) {
  return text.length < 3000 ? text : `${text.slice(0, 1500)}\n…\n${text.slice(-1500)}`;
}

function installedVersions(cwd, { dependencies = {}, devDependencies = {} }) {
  const version = (name) => JSON.parse(readFileSync(join(cwd, "node_modules", name, "package.json"), "utf8")).version;
  const others = Object.keys({ ...dependencies, ...devDependencies }).filter(
    (name) => !/^@diskcache\/|^@types\/|^typescript$/.test(name),
  );
  return others.length === 0 ? "Node alone" : others.map((name) => `${name} ${version(name)}`).join(", ");
}
