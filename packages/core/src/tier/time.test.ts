import { once } from "node:events";
import { connect, createServer } from "node:net";
import type { AddressInfo, Socket } from "node:net";
import { expect, it, onTestFinished } from "vitest";
import { machineTime, Waits } from "./time.js";

const WAIT_MS = 5;

async function socketPair(): Promise<{ readonly near: Socket; readonly far: Socket }> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const near = connect((server.address() as AddressInfo).port, "127.0.0.1");
  const [[far]] = (await Promise.all([once(server, "connection"), once(near, "connect")])) as [[Socket], unknown];
  onTestFinished(() => {
    near.destroy();
    far.destroy();
    server.close();
  });
  return { near, far };
}

function busyFor(ms: number): void {
  for (const untilMs = performance.now() + ms; performance.now() < untilMs;);
}

it("takes an answer that has come in time to a process that was too busy to see it", async () => {
  const { near, far } = await socketPair();
  const waits = new Waits(machineTime(() => performance.now()));
  far.write("an answer");
  const answer = waits.inTime(WAIT_MS, once(near, "data"));
  busyFor(WAIT_MS * 4);
  expect(String((await answer)[0])).toBe("an answer");
});

it("gives up an answer that does not come", async () => {
  const { near } = await socketPair();
  const waits = new Waits(machineTime(() => performance.now()));
  await expect(waits.inTime(WAIT_MS, once(near, "data"))).rejects.toThrow("no answer within 5 ms");
});
