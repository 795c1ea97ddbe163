/** The examples that show one idea each, asked over real HTTP. */
import { describe, expect, it } from "vitest";
import { startExample } from "./started.js";

const HOST = { host: "www.example.com" };

describe("the example", () => {
  it("express-tags renders anew what shows an edited article, and nothing else", async () => {
    const { visit } = await startExample("express-tags");
    const look = async () => Promise.all(["/", "/articles/1", "/articles/2"].map(async (path) => visit(path)));
    const before = await look();
    expect((await look()).map(({ isHit }) => isHit)).toEqual([true, true, true]);
    const edited = await visit("/articles/1", {
      method: "PUT",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ title: "Edited", text: "Anew." }),
    });
    const after = await look();
    expect([edited.status, after.map(({ isHit }) => isHit)]).toEqual([204, [false, false, true]]);
    expect(after[0]!.text).toContain("Edited");
    expect(after[1]!.text).toContain("Anew.");
    expect(after[2]!.text).toBe(before[2]!.text);
  });

  it("cluster renders once for all workers, and forgets for all of them", async () => {
    const { visit } = await startExample("cluster");
    const visits = () => Promise.all(Array.from({ length: 8 }, async () => visit("/", { headers: HOST })));
    const answers = await visits();
    expect(new Set(answers.map(({ text }) => text)).size).toBe(1);
    expect(new Set(answers.map((answer) => answer.header("x-worker"))).size).toBeGreaterThan(1);
    await visit("/purge", { method: "POST" });
    const again = await visits();
    expect(new Set(again.map(({ text }) => text)).size).toBe(1);
    expect(again[0]!.text).not.toBe(answers[0]!.text);
  });

  it("fragments makes the sidebar once and a token for each client", async () => {
    const { visit, printed } = await startExample("fragments");
    const as = (client: string) => ({ headers: { ...HOST, cookie: `client=${client}` } });
    const [one, other] = [await visit("/articles/1", as("ann")), await visit("/articles/1", as("bob"))];
    const sidebar = /<aside>.*<\/aside>/;
    const token = /value="([0-9a-f]{64})"/;
    expect([one.isHit, other.isHit]).toEqual([false, true]);
    expect(sidebar.exec(one.text)![0]).toBe(sidebar.exec(other.text)![0]);
    expect(token.exec(one.text)![1]).not.toBe(token.exec(other.text)![1]);
    expect((await visit("/articles/2", as("ann"))).text).toContain(sidebar.exec(one.text)![0]);
    await visit("/news", { method: "POST" });
    expect((await visit("/articles/1", as("ann"))).isHit).toBe(false);
    expect(printed().match(/rendering the sidebar/g)).toHaveLength(2);
  });

  it("koa-router caches the routes that say so", async () => {
    const { visit } = await startExample("koa-router");
    for (const path of ["/", "/reports/7"]) await visit(path);
    expect([(await visit("/")).isHit, (await visit("/reports/7")).isHit]).toEqual([false, true]);
    await visit("/reports/7", { method: "POST" });
    expect((await visit("/reports/7")).isHit).toBe(false);
  });
});
