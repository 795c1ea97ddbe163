/** A process that uses the low-level cache as it is told: `begin` is the barrier, so that all workers do the same thing
 * at the same moment. */
import { scrypt } from "node:crypto";
import { promisify } from "node:util";
import { FileCache } from "@diskcache/core";

export type Task = "add" | "incr" | "getOrSet" | "hang";

export async function main(dir: string, task: Task, count: string): Promise<void> {
  const cache = new FileCache({ dir });
  process.send!("ready");
  await new Promise((resolve) => process.once("message", resolve));
  const results = await TASKS[task](cache, Number(count));
  await cache.close();
  await new Promise<void>((resolve) => process.send!(results, undefined, undefined, () => resolve()));
  process.exit();
}

const TASKS = {
  /** The keys it won. */
  async add(cache: FileCache, count: number): Promise<number[]> {
    const won: number[] = [];
    for (let key = 0; key < count; key++) if (await cache.add(key, process.pid)) won.push(key);
    return won;
  },
  /** The sums it was given. */
  async incr(cache: FileCache, count: number): Promise<number[]> {
    const sums: number[] = [];
    for (let n = 0; n < count; n++) sums.push(await cache.incr("n"));
    return sums;
  },
  /** Makes something, and never ends. */
  async hang(cache: FileCache): Promise<number[]> {
    return cache.getOrSet<number[]>("k", () => {
      process.send!("making");
      return new Promise(() => void setInterval(() => undefined, 1000));
    });
  },
  /** What it got, and how often it had to make it. */
  async getOrSet(cache: FileCache, count: number): Promise<number[]> {
    let made = 0;
    const got: number[] = [];
    for (let key = 0; key < count; key++) {
      const make = async (): Promise<number> => {
        made++;
        // Work off the event loop, so that others come meanwhile.
        await promisify(scrypt)("work", String(key), 32);
        return process.pid;
      };
      got.push(await cache.getOrSet(key, make));
    }
    return [made, ...got];
  },
};
