import { describe, expect, it } from "vitest";
import { alike } from "./stored-response.js";

describe("field lines that are kept once", () => {
  it("say what they said, whatever the pages before said", () => {
    const html = ["Content-Type", "text/html", "ETag", '"a"', "ETag", '"b"'];
    const other = ["content-type", "text/css", "Content-Type", "text/plain", "ETag", '"b"', "X-Own", ""];
    for (const lines of [html, other, html, [], other]) expect(alike([...lines], () => true)).toEqual(lines);
  });

  it("say so of more names than are remembered", () => {
    const lines = Array.from({ length: 600 }, (_, index) => (index % 2 === 0 ? `X-${index}` : `value ${index}`));
    for (const _ of [1, 2]) expect(alike([...lines], () => true)).toEqual(lines);
  });
});
