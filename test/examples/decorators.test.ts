/** Controllers whose methods say how their pages are kept: the same application three times. */
import { describe, expect, it } from "vitest";
import { visit } from "../support/visit.js";
import { runExample } from "./run-example.js";

const FORM = { "content-type": "application/x-www-form-urlencoded" };

describe.each(["express-decorators", "koa-decorators", "routing-controllers"])("examples/%s", (name) => {
  it("keeps pages until their article is changed, and never a form", async () => {
    const origin = await runExample(name);
    const ask = (path: string) => visit(origin, path);
    const pages = ["/articles", "/articles/1", "/articles/2"];

    for (const page of pages) expect((await ask(page)).isStored).toBe(true);
    const before = await Promise.all(pages.map(ask));
    expect(before.map(({ isHit }) => isHit)).toEqual([true, true, true]);
    expect(before[0]!.text).toContain(">Hello</a>");
    expect(before[1]!.header("cache-control")).toBe("public, max-age=60");

    const body = "title=Goodbye";
    const saved = await visit(origin, "/articles/1", { method: "POST", headers: FORM, body });
    // routing-controllers redirects in the older way.
    expect([saved.status, saved.header("location")]).toEqual([
      name === "routing-controllers" ? 302 : 303,
      "/articles/1",
    ]);

    const after = [];
    for (const page of pages) after.push(await ask(page));
    expect(after.map(({ isHit }) => isHit)).toEqual([false, false, true]);
    expect(after[0]!.text).toContain(">Goodbye</a>");
    expect(after[1]!.text).toContain("<h1>Goodbye</h1>");

    for (const _ of [1, 2]) {
      const form = await ask("/articles/1/edit");
      expect([form.status, form.isHit, form.isStored]).toEqual([200, false, false]);
      expect(form.header("cache-control")).toContain("no-store");
    }
    for (const _ of [1, 2]) expect(await ask("/articles/3")).toMatchObject({ status: 404, isHit: false });
  });
});
