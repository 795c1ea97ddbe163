/** Writes what users read about the options (the sections of docs/options.md) from the doc comments of `DiskCacheOptions`. */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import ts from "typescript-api";
import { root } from "./pnpm.mjs";

/** The documents with a part between the two markers that is written by this script, and how it looks in each. */
export const DOCUMENTS = { "docs/options.md": sections };

const BEGIN = "<!-- options:begin -->";
const END = "<!-- options:end -->";

/** A document's text, with the part between the markers as the doc comments have it now. */
export function withOptions(document, text) {
  const [before, rest] = halves(text, BEGIN, document);
  const [, after] = halves(rest, END, document);
  return `${before}${BEGIN}\n<!-- Written by \`npm run options-table\` from the doc comments in packages/core/src/options. -->\n\n${DOCUMENTS[document](readOptions())}\n${END}${after}`;
}

function halves(text, marker, document) {
  const at = text.indexOf(marker);
  if (at < 0) throw new Error(`${document} has no ${marker}`);
  return [text.slice(0, at), text.slice(at + marker.length)];
}

// docs/options.md: all that the comments say. The examples are checked with the other code of the documentation (test/docs), each one
// continuing the block in the first comment, which a reader does not see.
function sections({ policy, cache }) {
  const section = ({ name, type, text, fallback, throws, example, members = [] }) =>
    `${name.includes(".") ? "####" : "###"} \`${name}\`\n\n${text}\n\n- Type: \`${type}\`\n- Default: ${fallback}\n- Throws: ${throws}\n\n\`\`\`ts continued\n${example};\n\`\`\`\n${members.map((member) => `\n${section(member)}`).join("")}`;
  const preamble = `<!--\n\`\`\`ts\nimport { diskCache } from "@diskcache/express";\nimport type { OpenStore } from "@diskcache/express";\nimport { redisTier } from "@diskcache/redis";\nimport { Redis } from "ioredis";\nconst cache = diskCache({ dir: ".cache/pages" });\ndeclare const openStore: OpenStore;\n\`\`\`\n-->\n`;
  const [whole, both] = ["## Of the whole cache only\n", "## Of the whole cache, and of one route\n"];
  return [preamble, both, ...policy.map(section), whole, ...cache.map(section)].join("\n");
}

/** Where the options are declared. */
const FOLDER = "packages/core/src/options";
const DECLARED = ["options.ts", "option-groups.ts", "policy-options.ts"];

/** Options that have options of their own, by the interface that declares those. */
const GROUPS = {
  stale: "StaleRules",
  limits: "Limits",
  secret: "SecretOptions",
  safety: "SafetyOptions",
  http: "HttpOptions",
  report: "ReportOptions",
};

/** The options as declared, but for names that are deprecated: those of a policy, which `cache.route()` takes too, and those of the cache alone. */
export function readOptions() {
  const statements = DECLARED.flatMap((name) => {
    const file = join(root, FOLDER, name);
    return ts.createSourceFile(file, readFileSync(file, "utf8"), ts.ScriptTarget.Latest, true).statements;
  });
  const members = (name, prefix = "", only) => {
    const declaration = statements.find((node) => ts.isInterfaceDeclaration(node) && node.name.text === name);
    if (declaration === undefined) throw new Error(`no file of ${FOLDER} declares an interface ${name}`);
    // `store?: undefined` beside `dir` says only that the two exclude each other.
    const own = declaration.members.filter(
      (member) =>
        member.type.kind !== ts.SyntaxKind.UndefinedKeyword &&
        ts.getJSDocDeprecatedTag(member) === undefined &&
        (only ?? member.name.text) === member.name.text,
    );
    return own.map((member) => describe(member, declaration.getSourceFile(), prefix));
  };
  const withMembers = (option) => {
    const group = GROUPS[option.name];
    return group === undefined ? option : { ...option, members: members(group, `${option.name}.`) };
  };
  const [dir, ...rest] = members("DiskCacheOptions").map(withMembers);
  const [store] = members("GivenStoreOptions", "", "store");
  return { policy: members("CachePolicy").map(withMembers), cache: [dir, store, ...rest] };
}

function describe(member, source, prefix) {
  const name = prefix + member.name.getText(source);
  const [doc] = ts.getJSDocCommentsAndTags(member).filter(ts.isJSDoc);
  const tag = (wanted) => {
    const found = doc?.tags?.find((candidate) => candidate.tagName.text === wanted);
    return found && oneLine(ts.getTextOfJSDocComment(found.comment));
  };
  const [text, throws, example] = [oneLine(ts.getTextOfJSDocComment(doc?.comment)), tag("throws"), tag("example")];
  const fallback = tag("default") ?? (member.questionToken ? undefined : "required");
  for (const [part, value] of Object.entries({
    "a sentence": text,
    "@default": fallback,
    "@throws": throws,
    "@example": example,
  })) {
    if (!value) throw new Error(`option \`${name}\` lacks ${part} in its doc comment`);
  }
  return {
    name,
    type: member.type.getText(source).replace(/\s+/g, " "),
    text,
    fallback: asDefault(fallback),
    throws,
    example,
  };
}

function oneLine(text = "") {
  return text.replace(/\s+/g, " ").trim();
}

// `@default "5m"` is a value and shown as code, up to the colon after which it is explained; `@default every byte` is a sentence.
function asDefault(text) {
  const [, value, rest] = /^("[^"]*"|\[.*?\]|\{.*?\}|[\d.]+|true|false|undefined)(?=$|[:,])(.*)$/.exec(text) ?? [];
  return value === undefined ? text : `\`${value}\`${rest}`;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  for (const document of Object.keys(DOCUMENTS)) {
    const path = join(root, document);
    writeFileSync(path, withOptions(document, readFileSync(path, "utf8")));
  }
}
