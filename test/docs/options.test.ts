import { readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { DOCUMENTS, withOptions } from "../../scripts/options-table.mjs";

const root = fileURLToPath(new URL("../..", import.meta.url));

describe("the options", () => {
  it.each(Object.keys(DOCUMENTS))(
    "are in %s as their doc comments have them; if not, `npm run options-table` writes them",
    (document) => {
      const text = readFileSync(join(root, document), "utf8");
      expect(text).toBe(withOptions(document, text));
    },
  );
});
