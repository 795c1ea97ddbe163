/** Writes the tables of docs/cache-status.md, which say why a page was not cached and what cures it, from the table that the cache speaks by. */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import ts from "typescript-api";
import { root } from "./pnpm.mjs";

export const DOCUMENT = "docs/cache-status.md";

const SOURCE = "packages/core/src/page-cache/reasons.ts";
const SEE_ABOVE = "| `authorization`, `cookie` | see [above](#why-a-request-was-left-alone) | |";
const OWN_WORDS = "`skip`, or words of your own";

/** The document's text, with the parts between the markers as the code has them now. */
export async function withReasons(text) {
  const { BYPASSES, REFUSALS, LATE_REFUSALS } = await readReasons();
  const tables = {
    bypasses: table("detail", BYPASSES),
    refusals: `${table("detail", REFUSALS)}\n${SEE_ABOVE}`,
    late: table("reason", LATE_REFUSALS),
  };
  return Object.entries(tables).reduce(
    (written, [name, rows]) => between(written, `<!-- ${name}:begin -->`, `<!-- ${name}:end -->`, rows),
    text,
  );
}

// Its types alone are imported from elsewhere.
async function readReasons() {
  const code = ts.transpileModule(readFileSync(join(root, SOURCE), "utf8"), {
    compilerOptions: { module: ts.ModuleKind.ESNext, target: ts.ScriptTarget.ESNext },
  }).outputText;
  return import(`data:text/javascript;base64,${Buffer.from(code).toString("base64")}`);
}

// Reasons that follow one another with the same words share a row.
function table(head, reasons) {
  const rows = [];
  for (const [name, { meaning, remedy }] of Object.entries(reasons)) {
    const words = `| ${meaning} | ${remedy ?? "–"} |`.replaceAll("\n", " ");
    const last = rows.at(-1);
    if (last?.words === words) last.names.push(name);
    else rows.push({ names: [name], words });
  }
  const lines = rows.map(({ names, words }) => `| ${names.map((name) => label(name, reasons)).join(", ")} ${words}`);
  return [`| \`${head}\` | meaning | remedy |`, "| --- | --- | --- |", ...lines].join("\n");
}

function label(name, reasons) {
  return name === "skip" && "set-cookie" in reasons ? OWN_WORDS : `\`${name}\``;
}

function between(text, begin, end, rows) {
  const [from, to] = [text.indexOf(begin), text.indexOf(end)];
  if (from < 0 || to < from) throw new Error(`${DOCUMENT} has no ${begin} … ${end}`);
  return `${text.slice(0, from)}${begin}\n<!-- Written by \`npm run reasons-table\` from ${SOURCE}. -->\n\n${rows}\n${text.slice(to)}`;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const path = join(root, DOCUMENT);
  writeFileSync(path, await withReasons(readFileSync(path, "utf8")));
}
