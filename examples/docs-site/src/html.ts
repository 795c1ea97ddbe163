/** HTML from template literals: what is interpolated is escaped, unless it is HTML already. */

/** Markup that is safe to send: made by `html`, or vouched for with `trusted`. */
export class Html {
  constructor(readonly markup: string) {}
}

export type Interpolation = string | number | Html | readonly Html[];

export function html(parts: TemplateStringsArray, ...values: readonly Interpolation[]): Html {
  let markup = parts[0] ?? "";
  values.forEach((value, i) => {
    markup += shown(value) + (parts[i + 1] ?? "");
  });
  return new Html(markup);
}

/** For markup that something else has made safe: the sanitised rendering of a document. */
export function trusted(markup: string): Html {
  return new Html(markup);
}

function shown(value: Interpolation): string {
  if (value instanceof Html) return value.markup;
  if (typeof value === "object") return value.map((item) => item.markup).join("\n");
  return escaped(value.toString());
}

function escaped(text: string): string {
  return text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}
