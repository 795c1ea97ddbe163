/** Finds the code of the documentation, and lays it out as source files whose line numbers are those of the document. */

/** One source file: a block of a document, with the blocks that are marked as continuing it. */
export interface DocumentedCode {
  readonly document: string;
  /** Of the line with the first fence, counted from 1. */
  readonly line: number;
  readonly language: "js" | "ts";
  readonly code: string;
  /** Marked `run`: to be run, and to end by itself. */
  readonly runs: boolean;
}

/**
 * The ```ts and ```js blocks of a Markdown text. What else the fence may say: `continued`, for a block that goes on where the one
 * before it stopped; `run`; `no-check`, for deliberate errors. A block may be hidden from readers in a comment, to set the scene.
 */
export function codeBlocks(document: string, markdown: string): DocumentedCode[] {
  const blocks: DocumentedCode[] = [];
  const lines = markdown.split(/\r?\n/);
  for (let at = 0; at < lines.length; at += 1) {
    const fence = /^(?<indent>\s*)(?<ticks>`{3,})(?<info>.*)$/.exec(lines[at] ?? "")?.groups;
    if (fence === undefined) continue;
    const end = lines.findIndex((line, index) => index > at && line.trim() === fence["ticks"]);
    if (end < 0) throw new Error(`${document}:${at + 1}: this code block has no end`);
    const [language, ...marks] = (fence["info"] ?? "").trim().split(/\s+/);
    if ((language === "ts" || language === "js") && !marks.includes("no-check")) {
      const unknown = marks.find((mark) => mark !== "continued" && mark !== "run");
      if (unknown !== undefined) throw new Error(`${document}:${at + 1}: unknown mark "${unknown}" of a code block`);
      const previous = marks.includes("continued") ? blocks.pop() : undefined;
      if (marks.includes("continued") && previous?.language !== language) {
        throw new Error(`${document}:${at + 1}: no block of the same language comes before this one`);
      }
      const before = previous?.code ?? "";
      blocks.push({
        document,
        line: previous?.line ?? at + 1,
        language,
        code: before + "\n".repeat(at + 1 - newlines(before)) + lines.slice(at + 1, end).join("\n"),
        runs: marks.includes("run") || previous?.runs === true,
      });
    }
    at = end;
  }
  return blocks;
}

function newlines(text: string): number {
  return text.split("\n").length - 1;
}
