/** Redis for tests: a server of its own on this machine, gone when the test is over. Where no `redis-server` is
 * installed, tests that need one are skipped, aloud. */
import { onTestFinished } from "vitest";
import { openCable, preparedServer } from "./processes.js";
import type { Cable, RedisServer } from "./processes.js";

export { eventually, redisVersion } from "./processes.js";

export async function redisServer(...settings: string[]): Promise<RedisServer> {
  const server = await preparedServer(...settings);
  onTestFinished(() => server.end());
  await server.start();
  return server;
}

export async function cable(to: number): Promise<Cable> {
  const opened = await openCable(to);
  onTestFinished(() => opened.end());
  return opened;
}
