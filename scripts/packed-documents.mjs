/**
 * The README of a package and the pages of docs/ that it leads to, as they are packed. Links between what is packed stay
 * links. Others lead into the repository, if package.json names one; else to the package on npm, or they are plain text.
 */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { basename, dirname, join, relative, sep } from "node:path";
import { folderOf, manifestOf, PACKAGES } from "./packages.mjs";
import { root } from "./pnpm.mjs";

/** Pages for those who work on diskcache, not with it. */
const NOT_PACKED = new Set([
  "conformance.md",
  "development.md",
  "file-format.md",
  "releasing.md",
  "way-of-a-request.md",
]);

/** `[text](target#fragment)`, and images. */
const LINK = /(?<image>!?)\[(?<text>(?:[^\][]|\[[^\]]*\])*)\]\((?<target>[^)#\s]*)(?<fragment>#[^)]*)?\)/g;

/** @param repository of the manifest, if it is known where the repository is */
export function copyDocuments(name, target, repository) {
  const readme = join(folderOf(name), "README.md");
  const pages = reachable(readme);
  // In the tarball, README.md stands beside docs/.
  const places = new Map([[readme, "README.md"], ...pages.map((page) => [page, join("docs", basename(page))])]);
  for (const [page, place] of places) {
    mkdirSync(join(target, dirname(place)), { recursive: true });
    writeFileSync(join(target, place), withLinks(page, place, places, urlOf(repository)));
  }
  for (const image of pages.flatMap((page) => linked(page)).filter((file) => file.endsWith(".svg") && existsSync(file)))
    writeFileSync(join(target, "docs", basename(image)), readFileSync(image));
}

function withLinks(page, place, places, url) {
  return outsideCode(readFileSync(page, "utf8"), (text) =>
    text.replace(LINK, (whole, image, words, target, fragment = "") => {
      if (target === "" || /^[a-z]+:/i.test(target) || image !== "") return whole;
      const file = join(dirname(page), target);
      const packed = places.get(file);
      if (packed !== undefined) return `[${words}](${forward(relative(dirname(place), packed))}${fragment})`;
      if (url !== undefined) return `[${words}](${url}/blob/HEAD/${forward(relative(root, file))}${fragment})`;
      const sibling = PACKAGES.find((name) => file === folderOf(name) || file.startsWith(folderOf(name) + sep));
      return sibling === undefined ? words : `[${words}](https://www.npmjs.com/package/${manifestOf(sibling).name})`;
    }),
  );
}

function reachable(readme) {
  /** @type {Set<string>} */
  const found = new Set();
  const visit = (page) => {
    for (const file of linked(page)) {
      const isPage = dirname(file) === join(root, "docs") && file.endsWith(".md") && existsSync(file);
      if (!isPage || found.has(file) || NOT_PACKED.has(basename(file))) continue;
      found.add(file);
      visit(file);
    }
  };
  visit(readme);
  return [...found].sort();
}

function linked(page) {
  const files = [];
  outsideCode(readFileSync(page, "utf8"), (text) => {
    for (const { groups } of text.matchAll(LINK)) files.push(join(dirname(page), groups.target));
    return text;
  });
  return files;
}

/** Blocks of code are left as they are. */
function outsideCode(markdown, change) {
  return markdown
    .split(/(^```[\s\S]*?^```$)/m)
    .map((part, index) => (index % 2 === 1 ? part : change(part)))
    .join("");
}

function urlOf(repository) {
  const given = typeof repository === "string" ? repository : repository?.url;
  return given?.replace(/^git\+/, "").replace(/\.git$/, "");
}

function forward(path) {
  return path.split(sep).join("/");
}
