/** `node scripts/house.mjs`: how large the house is. Files and lines of packages/<name>/src without tests; a line of code is one that holds more than a comment. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import ts from "typescript-api";
import { PACKAGES } from "./packages.mjs";
import { root } from "./pnpm.mjs";

const files = PACKAGES.flatMap((name) =>
  readdirSync(join(root, "packages", name, "src"), { recursive: true })
    .map((path) => join(root, "packages", name, "src", path))
    .filter((path) => path.endsWith(".ts") && !/\.test(?:\.support)?\.ts$/.test(path)),
);

let codeLines = 0;
const lengths = files.map((file) => {
  const text = readFileSync(file, "utf8");
  codeLines += linesOfCode(ts.createSourceFile(file, text, ts.ScriptTarget.Latest, true));
  return text.split("\n").length - 1;
});
lengths.sort((one, other) => one - other);
console.log(`files ${files.length}, median ${lengths[lengths.length >> 1]} lines, longest ${lengths.at(-1)}`);
console.log(`lines ${lengths.reduce((sum, length) => sum + length, 0)}, of code ${codeLines}`);
console.log(`entries of packages/core/src ${readdirSync(join(root, "packages/core/src")).filter(isNoTest).length}`);

function linesOfCode(source) {
  const lines = new Set();
  const visit = (node) => {
    if (ts.isJSDoc(node)) return;
    const children = node.getChildren(source);
    children.forEach(visit);
    if (children.length > 0 || node.getWidth(source) === 0) return;
    const last = source.getLineAndCharacterOfPosition(node.end).line;
    for (let line = source.getLineAndCharacterOfPosition(node.getStart(source)).line; line <= last; line++)
      lines.add(line);
  };
  visit(source);
  return lines.size;
}

function isNoTest(name) {
  return !name.includes(".test.");
}
