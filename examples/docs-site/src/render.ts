/** Markdown to HTML, from the source every time: nothing of one rendering is kept for the next. */
import GithubSlugger from "github-slugger";
import type { Element, Root } from "hast";
import { toString as textOf } from "hast-util-to-string";
import rehypeRaw from "rehype-raw";
import rehypeSanitize, { defaultSchema, type Options as SanitizeSchema } from "rehype-sanitize";
import rehypeStringify from "rehype-stringify";
import remarkGfm from "remark-gfm";
import remarkParse from "remark-parse";
import remarkRehype from "remark-rehype";
import { unified } from "unified";
import { CONTINUE, SKIP, visit } from "unist-util-visit";
import { type Highlight, openHighlighter } from "./highlight.js";

export interface Heading {
  readonly id: string;
  readonly text: string;
}

export interface RenderedDocument {
  readonly markup: string;
  /** Text of the first heading; `undefined` when the document does not begin with one. */
  readonly title: string | undefined;
  /** The second-level headings: the document's table of contents. */
  readonly sections: readonly Heading[];
}

/** Where a link of the document leads on this site; `undefined` when nowhere. */
export type ResolveLink = (href: string) => string | undefined;

export type Renderer = (markdown: string, resolveLink: ResolveLink) => RenderedDocument;

// GitHub's rules for what a README may contain, and stricter: no images (they would be fetched from third parties), no protocols but these.
const SCHEMA: SanitizeSchema = {
  ...defaultSchema,
  tagNames: (defaultSchema.tagNames ?? []).filter((name) => name !== "picture" && name !== "source"),
  protocols: { ...defaultSchema.protocols, href: ["http", "https", "mailto"] },
};
const ID_PREFIX = SCHEMA.clobberPrefix ?? "";

export async function openRenderer(): Promise<Renderer> {
  const highlight = await openHighlighter();
  // What comes after the sanitising is ours; what came before it, the document's author's.
  const processor = unified()
    .use(remarkParse)
    .use(remarkGfm)
    .use(remarkRehype, { allowDangerousHtml: true, clobberPrefix: "" })
    .use(rehypeRaw)
    .use(rehypeSanitize, SCHEMA)
    .freeze();
  const printer = unified().use(rehypeStringify).freeze();

  return (markdown, resolveLink) => {
    const tree = processor.runSync(processor.parse(markdown));
    imagesToText(tree);
    const headings = nameHeadings(tree);
    followLinks(tree, resolveLink, new Set(headings.map((heading) => heading.id)));
    highlightCode(tree, highlight);
    makeScrollable(tree);
    return {
      markup: printer.stringify(tree),
      title: headings[0]?.level === 1 ? headings[0].text : undefined,
      sections: headings.filter((heading) => heading.level === 2),
    };
  };
}

// An image is told by its text: a page asks nothing of other sites.
function imagesToText(tree: Root): void {
  visit(tree, "element", (node, index, parent) => {
    if (node.tagName !== "img" || index === undefined || !parent) return CONTINUE;
    const alt = node.properties.alt?.toString().trim() ?? "";
    const told = alt === "" ? [] : [element("span", { className: ["image"] }, [{ type: "text", value: alt }])];
    parent.children.splice(index, 1, ...told);
    return [SKIP, index + told.length];
  });
}

function nameHeadings(tree: Root): (Heading & { level: number })[] {
  const slugger = new GithubSlugger();
  const headings: (Heading & { level: number })[] = [];
  visit(tree, "element", (node, index, parent) => {
    const level = /^h([1-6])$/.exec(node.tagName)?.[1];
    if (level === undefined || index === undefined || !parent) return CONTINUE;
    const text = textOf(node).trim();
    if (text === "") {
      // A logo without a text: a heading that says nothing would only puzzle a screen reader.
      parent.children.splice(index, 1);
      return [SKIP, index];
    }
    // A heading of punctuation alone has no slug.
    const id = slugger.slug(text) || slugger.slug("section");
    node.properties["id"] = id;
    headings.push({ level: Number(level), id, text });
    return SKIP;
  });
  return headings;
}

function followLinks(tree: Root, resolveLink: ResolveLink, headingIds: ReadonlySet<string>): void {
  visit(tree, "element", (node) => {
    const href = node.tagName === "a" ? node.properties["href"] : undefined;
    if (typeof href !== "string") return;
    if (href.startsWith("#")) {
      // Names that the author gave carry the sanitiser's prefix; those of headings do not.
      if (!headingIds.has(href.slice(1))) node.properties["href"] = `#${ID_PREFIX}${href.slice(1)}`;
    } else if (!/^[a-z]+:/i.test(href)) {
      const target = resolveLink(href);
      // A link into the package's repository leads nowhere from here: keep its text.
      if (target === undefined) delete node.properties["href"];
      else node.properties["href"] = target;
    }
  });
}

function highlightCode(tree: Root, highlight: Highlight): void {
  visit(tree, "element", (node) => {
    if (node.tagName !== "pre") return CONTINUE;
    const code = node.children.find((child): child is Element => child.type === "element" && child.tagName === "code");
    if (code) code.children = highlight(textOf(code).replace(/\n$/, ""), languageOf(code));
    // A block that scrolls has to be reachable without a mouse.
    node.properties["tabIndex"] = 0;
    return SKIP;
  });
}

function languageOf(code: Element): string {
  const classes = code.properties["className"];
  const language = Array.isArray(classes)
    ? classes.map(String).find((name) => name.startsWith("language-"))
    : undefined;
  return language?.slice("language-".length).toLowerCase() ?? "";
}

function makeScrollable(tree: Root): void {
  visit(tree, "element", (node, index, parent) => {
    if (node.tagName !== "table" || index === undefined || !parent) return CONTINUE;
    const properties = { className: ["scrolls"], role: "region", ariaLabel: "Table", tabIndex: 0 };
    parent.children[index] = element("div", properties, [node]);
    return SKIP;
  });
}

function element(tagName: string, properties: Element["properties"], children: Element["children"]): Element {
  return { type: "element", tagName, properties, children };
}
