import { once } from "node:events";
import { createServer } from "node:net";
import type { AddressInfo, Socket } from "node:net";
import { describe, expect, it, onTestFinished } from "vitest";
import { redisTier } from "@diskcache/redis";
import type { EngineConnection, RedisTierOptions } from "@diskcache/redis";
import { CLIENTS } from "./clients.js";
import { eventually, redisServer, redisVersion } from "./server.js";

const ORIGIN = { number: 0, mark: "0".repeat(12) };

async function connected(options: RedisTierOptions): Promise<EngineConnection> {
  const connection = await redisTier(options).connect();
  onTestFinished(() => connection.close());
  return connection;
}

describe.skipIf(redisVersion === undefined).each(CLIENTS)("the engine over $name", ({ make }) => {
  it("keeps one chain, and a list of who reads it", async () => {
    const server = await redisServer();
    const engine = await connected({ client: make(server.port), name: "shop" });
    expect(await engine.last()).toBeUndefined();
    expect(await engine.append("a", [{ mark: "m", text: "x" }])).toBe("absent");
    const absent = await engine.beat({ machine: "a", stand: ORIGIN, token: "t-0", steady: "", absenceMs: 1_000 });
    expect(absent.state).toBe("absent");

    await engine.found("a", ORIGIN, "founded", []);
    await engine.found("b", ORIGIN, "too late", []);
    expect(await engine.last()).toEqual({ number: 1, mark: "founded" });
    const first = await engine.beat({ machine: "a", stand: ORIGIN, token: "t-1", steady: "", absenceMs: 1_000 });
    expect(first).toMatchObject({ state: "ok", last: 1, machines: 1, steady: "", before: undefined });
    expect(first.records).toEqual([{ number: 1, mark: "founded", before: ORIGIN.mark, text: "" }]);
    const stand = { number: 1, mark: "founded" };
    const again = await engine.beat({ machine: "a", stand, token: "t-2", steady: first.run, absenceMs: 1_000 });
    expect(again).toMatchObject({ steady: first.run, before: { number: 0, token: "t-1" }, records: [] });
    expect(first.run).toMatch(/^[0-9a-f]{40}\/t-1$/);

    const appended = await engine.append("a", [
      { mark: "m2", text: '[0,"tag",null,"é €"]' },
      { mark: "m3", text: "y" },
    ]);
    expect(appended).toEqual({
      first: 2,
      last: 3,
      missing: false,
      run: first.run,
      steady: first.run,
      machines: new Map([["a", "1:t-2"]]),
    });
    expect(await engine.records(2)).toEqual([
      { number: 2, mark: "m2", before: "founded", text: '[0,"tag",null,"é €"]' },
      { number: 3, mark: "m3", before: "m2", text: "y" },
    ]);
    const confirmed = await engine.confirm({ number: 3, mark: "m3" }, ["a", "b"]);
    expect(confirmed).toEqual({
      run: first.run,
      there: true,
      machines: new Map([
        ["a", "1:t-2"],
        ["b", undefined],
      ]),
    });
    expect((await engine.confirm({ number: 3, mark: "m2" }, [])).there).toBe(false);

    const beat = (stood: typeof stand, token = "t-3") =>
      engine.beat({ machine: "a", stand: stood, token, steady: "", absenceMs: 1_000 });
    expect((await beat({ number: 1, mark: "other" })).state).toBe("diverged");
    expect((await beat({ number: 9, mark: "m" })).state).toBe("diverged");
    await engine.giveUp(new Map([["a", "1:outdated"]]), 60_000);
    expect((await beat(stand)).machines).toBe(1);
    await engine.giveUp(new Map([["a", "1:t-3"]]), 60_000);
    expect(await engine.append("a", [{ mark: "m4", text: "z" }])).toMatchObject({ missing: true, machines: new Map() });
    await beat(stand, "t-4");
    await engine.leave("a", "other");
    expect((await beat(stand, "t-5")).before?.token).toBe("t-4");
    await engine.leave("a", "t");
    expect((await beat(stand, "t-6")).before).toBeUndefined();
  });

  it("wakes who sleeps when there is more, and in time otherwise", async () => {
    const server = await redisServer();
    const engine = await connected({ client: make(server.port), name: "shop" });
    await engine.found("a", ORIGIN, "founded", []);
    await engine.sleep(0, 60_000);
    await engine.sleep(1, 20);
    const sleeping = engine.sleep(1, 60_000);
    await engine.append("a", [{ mark: "m", text: "x" }]);
    await expect(sleeping).resolves.toBeUndefined();
  });
});

describe("a server that accepts connections and says nothing", () => {
  it("is given up over every client, with its connection", async () => {
    const open = new Set<Socket>();
    const silent = createServer((socket) => {
      open.add(socket);
      socket.on("error", () => undefined).on("close", () => open.delete(socket));
      socket.resume();
    }).listen(0, "127.0.0.1");
    onTestFinished(() => void silent.close());
    await once(silent, "listening");
    const { port } = silent.address() as AddressInfo;
    const connecting = CLIENTS.map(({ make }) => redisTier({ client: make(port), name: "shop" }).connect());
    const settled = await Promise.allSettled(connecting);
    expect(settled.map(({ status }) => status)).toEqual(CLIENTS.map(() => "rejected"));
    await eventually(() => open.size === 0);
  });
});
