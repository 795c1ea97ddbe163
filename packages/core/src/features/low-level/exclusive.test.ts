import { describe, expect, it } from "vitest";
import { Exclusive } from "./exclusive.js";

describe("what waits for another process", () => {
  it("is given up when there is an end, and holds it up no longer", async () => {
    const order: string[] = [];
    const exclusive = new Exclusive({ lock: () => "held", released: () => new Promise(() => {}) });
    const waiting = exclusive.run(["k"], true, async () => void order.push("done")).catch(({ code }) => code as string);
    await exclusive.close(async () => void order.push("closed"));
    expect([await waiting, order]).toEqual(["ERR_DISKCACHE_CLOSED", ["closed"]]);
  });

  it("has its turn before the end where it is let go", async () => {
    const order: string[] = [];
    let held = true;
    const lock = () => (held ? "held" : { release: () => {} });
    let letGo = (): void => {};
    const exclusive = new Exclusive({ lock, released: () => new Promise<void>((resolve) => (letGo = resolve)) });
    const waiting = exclusive.run(["k"], true, async () => void order.push("done"));
    held = false;
    letGo();
    await exclusive.close(async () => void order.push("closed"));
    await waiting;
    expect(order).toEqual(["done", "closed"]);
  });
});
