/** Checks that imports follow the data: each room of packages/core/src, and each package, imports only what this table grants it. */
import { readdirSync, readFileSync } from "node:fs";
import { join, relative, sep } from "node:path";
import { fileURLToPath } from "node:url";
import ts from "typescript-api";
import { root } from "./pnpm.mjs";

// The folder whose files rest on nothing but each other; every room may use it.
const BASE = "base";
// What an application asked for, as types only: what a room is told, never what it asks for.
const SETTINGS = ["options"];
// What the wings of the store rest on: its contract, the file system, and where things lie in the directory.
const STORE_BASE = [
  "contract",
  "faults",
  "file-system",
  "own-directory",
  "paths",
  "process-identity",
  "shared-file",
].map((file) => `store/${file}`);

// What the store and its sweep know of entries: a port, behind which they are files.
const ENTRIES = "store/entries/entries";

// The face of the core, and in it what one cache hands to the rooms.
const FACE = "page-cache";
const CONTEXT = "page-cache/context";

const FEATURES = ["audit", "coding", "fragments", "holes"].map((folder) => `features/${folder}`);
const REMEMBERED = ["hit-for-miss", "refreshes"].map((file) => `forward/${file}`);

// A folder of packages/core/src, or a file or folder in one that has walls of its own, and what it may import besides BASE: the `values`
// of others (it runs them), the `types` of others (they hand it something), and of Node's modules these only, where `node` is given.
const ROOMS = {
  [BASE]: {},
  options: { values: ["http", "key"], types: ["store/contract", "tier/contract"] },

  // RFC policy and the names of pages: pure, so no I/O and no randomness.
  http: { node: [] },
  key: { values: ["http"], types: SETTINGS, node: ["node:crypto"] },

  // Bytes on disk without HTTP meaning.
  store: { values: [...STORE_BASE, ENTRIES, "store/bounds", "store/entries", "store/log", "store/peers"] },
  ...Object.fromEntries(STORE_BASE.map((file) => [file, { values: STORE_BASE }])),
  // The bytes of entries; the log of purges; who else has the directory open; how much there is and what goes.
  [ENTRIES]: { types: [...STORE_BASE, "store/entries"] },
  "store/entries": { values: [...STORE_BASE, ENTRIES] },
  "store/log": { values: STORE_BASE },
  "store/peers": { values: STORE_BASE },
  "store/bounds": { values: [...STORE_BASE, ENTRIES, "store/peers"] },

  // Purges that machines share: a protocol over an engine, and its traces in the log of a directory.
  // And pages that they share: a store of its own on the one on disk.
  tier: { values: ["options", "store", "store/entries", "store/log"], types: ["tier/contract"] },
  // What an engine has to do: a port, and the option that hands one in.
  "tier/contract": { types: ["store/log"] },

  // In the order of the data: what is stored and how it is played back, which of it a request selects, and how a response gets there.
  stored: { values: ["http"], types: [...SETTINGS, "store"] },
  lookup: { values: ["http", "key", "stored"], types: [...SETTINGS, CONTEXT, "store"] },
  invalidate: { values: ["http", "key", "options"], types: [...SETTINGS, "store", "stored"] },
  // What is remembered between requests rests on no room, so that the context can hand it to all.
  ...Object.fromEntries(REMEMBERED.map((file) => [file, {}])),
  "forward/capture": {
    values: ["http", "key", "lookup", "stored"],
    types: [...SETTINGS, CONTEXT, "store"],
  },
  forward: {
    values: [
      "features/audit",
      "features/coding",
      "features/holes",
      "forward/capture",
      ...REMEMBERED,
      "http",
      "invalidate",
      "key",
      "lookup",
      "stored",
    ],
    types: [...SETTINGS, CONTEXT, "features/fragments", "store"],
  },

  // What applications ask for beside that; none knows of the others, but that parts of pages are kept as values are.
  // A stored response in content codings.
  "features/coding": { values: ["http", "key", "stored"], types: [...SETTINGS, "store"] },
  // What handlers read, compared with what selects their pages.
  "features/audit": { values: ["http", "key"], types: SETTINGS },
  // Values of the application's own, on the same store: nothing of HTTP.
  "features/low-level": { values: ["options", "store", "tier"], types: ["options", "tier/contract"] },
  // Parts of pages, in the store of the pages: nothing of HTTP.
  "features/fragments": { values: ["features/low-level", "options", "store", "stored"], types: SETTINGS },
  // Places in a page that are filled for each client.
  "features/holes": {
    values: ["http", "options", "store", "stored"],
    types: SETTINGS,
    node: ["node:crypto", "node:util", "node:zlib"],
  },

  // They wire the rooms and hand them out; no room imports them, but for the type of what it is handed.
  [CONTEXT]: {
    types: [...FEATURES, ...REMEMBERED, "options", "store", "stored"],
  },
  [FACE]: { values: "all" },
  index: { values: "all" },
  // Of a store it knows the contract alone.
};

const PACKAGES = {
  core: [],
  http: ["core"],
  express: ["core", "http"],
  koa: ["core", "http"],
  fetch: ["core", "http"],
  nest: ["express"],
  testing: ["core"],
  redis: ["core"],
};

/** Every import that the tables do not grant, as lines for a person. `read` gives the text of a file named relative to the repository. */
export function forbiddenImports(files, read) {
  return files.flatMap((file) =>
    imports(file, read(file)).flatMap(({ specifier, typeOnly, line }) => {
      const problem = packageProblem(file, specifier) ?? roomProblem(file, specifier, typeOnly);
      return problem === undefined ? [] : [`${file}:${line}: ${problem}`];
    }),
  );
}

/** Files that import each other in a circle, also of types only, as lines for a person. */
export function circles(files, read) {
  const known = new Set(files);
  const next = new Map(
    files.map((file) => [
      file,
      imports(file, read(file)).flatMap(({ specifier }) => {
        const target = join(file, "..", specifier).split(sep).join("/").replace(/\.js$/, ".ts");
        return specifier.startsWith(".") && known.has(target) ? [target] : [];
      }),
    ]),
  );
  const found = [];
  const done = new Set();
  const walk = (file, way) => {
    const at = way.indexOf(file);
    if (at >= 0) found.push([...way.slice(at), file].join(" → "));
    if (at >= 0 || done.has(file)) return;
    for (const target of next.get(file)) walk(target, [...way, file]);
    done.add(file);
  };
  for (const file of files) walk(file, []);
  return found.map((circle) => `a circle of imports: ${circle}`);
}

function packageProblem(file, specifier) {
  const [, name] = file.split("/");
  const target = specifier.startsWith(".") ? join(file, "..", specifier).split(sep).join("/") : undefined;
  if (target !== undefined && !target.startsWith(`packages/${name}/src/`)) {
    return `\`${specifier}\` leaves the package: import it by its name`;
  }
  const sibling = /^@diskcache\/(?<name>[^/]+)(?<rest>\/.*)?$/.exec(specifier)?.groups;
  if (sibling?.rest) return `\`${specifier}\` reaches into a package: what its index.ts does not export is private`;
  if (sibling && !PACKAGES[name].includes(sibling.name)) {
    return `@diskcache/${name} may import ${list(PACKAGES[name], "@diskcache/")}, not \`${specifier}\``;
  }
  return undefined;
}

function roomProblem(file, specifier, typeOnly) {
  if (!file.startsWith("packages/core/src/")) return undefined;
  const from = roomOf(file);
  const room = ROOMS[from];
  if (room === undefined)
    return `\`${from}\` is not in the table of rooms (scripts/check-rooms.mjs): say what it may import`;
  if (specifier.startsWith("node:") && !typeOnly && room.node && !room.node.includes(specifier)) {
    return `${from}/ is pure: it may import ${list(room.node)} of Node's modules, not \`${specifier}\``;
  }
  if (!specifier.startsWith(".")) return undefined;
  const to = roomOf(join(file, "..", specifier));
  if (to === from || to === BASE || grants(from, room.values, to) || (typeOnly && grants(from, room.types, to)))
    return undefined;
  const granted = typeOnly
    ? `values of ${list(room.values)} and types of ${list(room.types)}`
    : `values of ${list(room.values)}`;
  return `\`${from}\` may import ${granted}, not ${typeOnly ? "types" : "values"} of \`${to}\``;
}

function grants(from, rooms = [], to) {
  if (rooms === "all") return from === "index" || to !== "index";
  // Outside of the store, its base is its face.
  return rooms.includes(to) || (rooms.includes("store") && STORE_BASE.includes(to));
}

function roomOf(file) {
  const path = relative("packages/core/src", file)
    .split(sep)
    .join("/")
    .replace(/\.[jt]s$/, "");
  const [folder, ...inner] = path.split("/");
  const rooms = inner.map((_, depth) => [folder, ...inner.slice(0, depth + 1)].join("/"));
  return rooms.findLast((room) => Object.hasOwn(ROOMS, room)) ?? folder;
}

function list(names = [], prefix = "") {
  if (names === "all") return "every room";
  return names.length === 0 ? "nothing" : names.map((name) => `\`${prefix}${name}\``).join(", ");
}

/** `import … from`, `export … from` and `import()`; an import is of types only when all its names are. */
function imports(file, text) {
  const source = ts.createSourceFile(file, text, ts.ScriptTarget.Latest, true);
  const found = [];
  const visit = (node) => {
    const specifier =
      node.moduleSpecifier ??
      (ts.isCallExpression(node) && node.expression.kind === ts.SyntaxKind.ImportKeyword
        ? node.arguments[0]
        : undefined);
    if (specifier && ts.isStringLiteral(specifier)) {
      const line = source.getLineAndCharacterOfPosition(node.getStart()).line + 1;
      found.push({ specifier: specifier.text, typeOnly: isTypeOnly(node), line });
    }
    ts.forEachChild(node, visit);
  };
  visit(source);
  return found;
}

function isTypeOnly(node) {
  const clause = ts.isImportDeclaration(node) ? node.importClause : node;
  if (clause?.isTypeOnly) return true;
  const names = clause?.namedBindings?.elements ?? clause?.exportClause?.elements;
  return clause?.name === undefined && names?.length > 0 && names.every((name) => name.isTypeOnly);
}

function sourceFiles() {
  return Object.keys(PACKAGES).flatMap((name) =>
    readdirSync(join(root, "packages", name, "src"), { recursive: true })
      .map((path) => `packages/${name}/src/${path.split(sep).join("/")}`)
      .filter((path) => path.endsWith(".ts") && !path.endsWith(".test.ts")),
  );
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const read = (file) => readFileSync(join(root, file), "utf8");
  const problems = [...forbiddenImports(sourceFiles(), read), ...circles(sourceFiles(), read)];
  for (const problem of problems) console.error(problem);
  process.exitCode = problems.length === 0 ? 0 : 1;
}
