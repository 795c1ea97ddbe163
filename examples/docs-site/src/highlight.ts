/**
 * Source code to highlighted markup. Colours are classes, never inline styles: the stylesheet has a light and a dark set of
 * them, and the page keeps a strict Content-Security-Policy.
 */
import type { ElementContent } from "hast";
import { type BundledLanguage, createCssVariablesTheme, createHighlighter, type Highlighter } from "shiki";

// What code in READMEs is written in; anything else is shown plain.
const LANGUAGES = [
  "bash",
  "console",
  "css",
  "diff",
  "html",
  "http",
  "javascript",
  "json",
  "json5",
  "jsonc",
  "jsx",
  "markdown",
  "powershell",
  "sql",
  "toml",
  "tsx",
  "typescript",
  "xml",
  "yaml",
] as const;

const THEME = createCssVariablesTheme({ name: "classes", variablePrefix: "--" });

export type Highlight = (code: string, language: string) => ElementContent[];

/** Loads the grammars; they are all that is kept from one page to the next. */
export async function openHighlighter(): Promise<Highlight> {
  const highlighter = await createHighlighter({ langs: [...LANGUAGES], themes: [THEME] });
  const loaded = new Set(highlighter.getLoadedLanguages());
  const isLoaded = (language: string): language is BundledLanguage => loaded.has(language);
  return (code, language) =>
    isLoaded(language) ? tokens(highlighter, code, language) : [{ type: "text", value: code }];
}

function tokens(highlighter: Highlighter, code: string, language: BundledLanguage): ElementContent[] {
  const lines = highlighter.codeToTokensBase(code, { lang: language, theme: THEME });
  return lines.flatMap((line, i) => {
    const spans = line.map(({ content, color }): ElementContent => {
      // The theme names a token's colour as a variable, `var(--token-keyword)`: that name is the class.
      const kind = /^var\(--(token-[a-z-]+)\)$/.exec(color ?? "")?.[1];
      const text = { type: "text", value: content } as const;
      return kind === undefined
        ? text
        : { type: "element", tagName: "span", properties: { className: [kind] }, children: [text] };
    });
    return i === 0 ? spans : [{ type: "text", value: "\n" } as const, ...spans];
  });
}
