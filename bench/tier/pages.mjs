/**
 * What sharing pages costs, a part each: a hit that only the engine has; many clients at once for a cold page on three
 * machines; an engine that is stopped or killed under load; what the server keeps of a page; long pages. Prints lines.
 */
import { mkdtempSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { median } from "../rounds.mjs";
import { askForAll, now, openClient, openServer, quantile, startRedis } from "./site.mjs";

const BODY_BYTES = 10_240;
const LONG_BYTES = 100 * 1024 * 1024;
const RENDER_MS = 200;
const PAGE_MIB = 4096 / 2 ** 20;
/** For the parts that stop their server. */
const OTHER_PORT = 6397;

/** @param {{ dir: string, port: number, redis: object, used(): Promise<number> }} engine */
export function partsOf({ dir, port, redis, used }) {
  const machine = (settings = {}) =>
    openServer({
      dir: mkdtempSync(join(dir, "machine-")),
      port,
      bodyBytes: BODY_BYTES,
      longBytes: LONG_BYTES,
      renderMs: RENDER_MS,
      memory: "64mb",
      lease: "5s",
      ...settings,
    });
  const prefix = () => `${process.pid}-${Math.random().toString(36).slice(2)}`;
  const pathsOf = (kind, count) => {
    const name = prefix();
    return Array.from({ length: count }, (_, n) => `/${kind}/${name}-${n}`);
  };
  return { found, stampede, outage, memory, long };

  // One client, one page after the other; each turn asks every one of those that are compared.
  async function found() {
    const [giver, finder, disk] = [await machine(), await machine(), await machine({ memory: 0 })];
    const paths = pathsOf("page", 2_400);
    const unmeasured = 400;
    await askForAll(giver.port, paths);
    await giver.given(paths.length);
    await askForAll(disk.port, paths);
    await redis.set("bare-page", Buffer.alloc(BODY_BYTES, "x"));
    const [ofFinder, ofDisk] = [await openClient(finder.port), await openClient(disk.port)];
    const hit = async (client, path) => {
      const answer = await client.ask(path);
      if (!answer.hit) throw new Error(`no hit: ${path}`);
      return answer.firstMs;
    };
    const asked = {
      "in the engine only": (path) => hit(ofFinder, path),
      "on its own disk, not in memory": (path) => hit(ofDisk, path),
      "bare server with a GET over ioredis": async () => (await ofFinder.ask("/bare/bare-page")).firstMs,
      "the GET over ioredis by itself": () => timed(() => redis.getBuffer("bare-page")),
    };
    const names = Object.keys(asked);
    const taken = Object.fromEntries(names.map((name) => [name, []]));
    for (const [n, path] of paths.entries()) {
      for (let turn = 0; turn < names.length; turn++) {
        const name = names[(turn + n) % names.length];
        const ms = await asked[name](path);
        if (n >= unmeasured) taken[name].push(ms);
      }
    }
    for (const [name, values] of Object.entries(taken)) {
      const [p50, p99] = [0.5, 0.99].map((share) => quantile(values, share).toFixed(2));
      console.log(`first byte of 10 KiB, ${name}: p50 ${p50}, p99 ${p99} ms`);
    }
    for (const client of [ofFinder, ofDisk]) client.close();
    for (const each of [giver, finder, disk]) await each.close();
  }

  async function stampede() {
    const machines = ["a", "b", "c"].map(() => mkdtempSync(join(dir, "machine-")));
    const servers = await Promise.all(
      machines.flatMap((where) => [0, 1].map(async () => ({ where, ...(await machine({ dir: where })) }))),
    );
    for (const count of [1_000, 60, 6]) await crowd(servers, count, 10);
    for (const each of servers) await each.close();
  }

  async function crowd(servers, count, pages) {
    const clients = await Promise.all(
      Array.from({ length: count }, async (_, n) => {
        const server = servers[n % servers.length];
        return { server, ...(await openClient(server.port)) };
      }),
    );
    const unmeasured = 3;
    const calls = [];
    const [followers, first, hot] = [[], [], []];
    for (const [n, path] of pathsOf("slow", pages + unmeasured).entries()) {
      const together = () => Promise.all(clients.map((client) => client.ask(path)));
      const answers = await together();
      const again = await together();
      const rendered = servers.filter(({ renders }) => renders.has(path));
      if (n < unmeasured) continue;
      calls.push(rendered.reduce((sum, { renders }) => sum + renders.get(path).length, 0));
      const endMs = Math.min(...rendered.map(({ renders }) => renders.get(path)[0]));
      const elsewhere = new Map();
      for (const [index, { server }] of clients.entries()) {
        if (rendered.some(({ where }) => where === server.where)) continue;
        const wait = answers[index].endMs - endMs;
        followers.push(wait);
        elsewhere.set(server.where, Math.min(wait, elsewhere.get(server.where) ?? Infinity));
      }
      first.push(...elsewhere.values());
      hot.push(...again.map(({ wholeMs }) => wholeMs));
    }
    const shares = (values) => `p50 ${quantile(values, 0.5).toFixed(1)}, p95 ${quantile(values, 0.95).toFixed(1)} ms`;
    console.log(`${count} requests at once for a cold page, three machines of two processes, ${pages} pages:`);
    console.log(`  handler calls for each page: ${calls.join(" ")}`);
    console.log(`  followers on other machines, whole answers after the handler's end: ${shares(followers)}`);
    console.log(`  the first of them on each machine: ${shares(first)}`);
    console.log(`  beside: the same ${count} requests for the page when each process has it: ${shares(hot)}`);
    for (const client of clients) client.close();
  }

  async function outage() {
    for (const signal of ["SIGSTOP", "SIGKILL"]) {
      const engine = await startRedis(OTHER_PORT, dir);
      // The lease is longer than the outage: what is measured is the engine's absence, not what a cut off machine does.
      const server = await machine({ port: OTHER_PORT, lease: "20s", renderMs: 5 });
      await underLoad(server, engine, signal);
      await server.close();
      engine.stop();
    }
  }

  async function underLoad(server, engine, signal) {
    const hot = pathsOf("page", 100);
    await askForAll(server.port, hot);
    let over = false;
    const hits = [];
    const misses = [];
    const cold = pathsOf("slow", 100_000);
    const hitting = async () => {
      const client = await openClient(server.port);
      for (let n = 0; !over; n++) hits.push(await client.ask(hot[n % hot.length]));
      client.close();
    };
    // Beginning every 20 ms, whether those before it have ended or not.
    const missing = async () => {
      const free = [];
      const under = new Set();
      while (!over) {
        const client = free.pop() ?? (await openClient(server.port));
        const asking = client.ask(cold[misses.length + under.size]).then((answer) => {
          misses.push(answer);
          free.push(client);
          under.delete(asking);
        });
        under.add(asking);
        await pause(20);
      }
      await Promise.all(under);
      for (const client of free) client.close();
    };
    const load = [hitting(), hitting(), hitting(), hitting(), missing()];
    await pause(4_000); // what is compiled is compiled then
    const fromMs = now();
    await pause(8_000);
    engine.kill(signal);
    const goneMs = now();
    await pause(8_000);
    over = true;
    await Promise.all(load);
    const between = (answers, from, to) => answers.filter(({ sentMs }) => sentMs >= from && sentMs < to);
    const told = (from, to) => {
      const some = between(hits, from, to).map(({ wholeMs }) => wholeMs);
      return `${Math.round((some.length * 1000) / (to - from))} a second, p99 ${quantile(some, 0.99).toFixed(2)} ms`;
    };
    const well = between(misses, fromMs, goneMs).map(({ wholeMs }) => wholeMs);
    const during = between(misses, goneMs, Infinity);
    // Of those that were under way, too.
    const waited = misses.filter(({ endMs, wholeMs }) => endMs >= goneMs && wholeMs > median(well) + 50);
    const longest = Math.max(0, ...waited.map(({ wholeMs }) => wholeMs - median(well)));
    const last = Math.max(0, ...waited.map(({ endMs }) => endMs - goneMs));
    console.log(`${signal} of the engine under load:`);
    console.log(`  hits before: ${told(fromMs, goneMs)}; for 8 s after: ${told(goneMs, goneMs + 8_000)}`);
    console.log(
      `  misses of a 5 ms handler, 50 a second: before p50 ${median(well).toFixed(1)}, p99 ${quantile(well, 0.99).toFixed(1)} ms; ` +
        `${waited.length} of ${during.length} after it waited, ${Math.round(longest)} ms longer at most, the last was over after ${Math.round(last)} ms`,
    );
  }

  async function memory() {
    const pages = 5_000;
    const giver = await machine();
    await askForAll(giver.port, pathsOf("page", 300));
    await giver.given(300);
    let given = 300;
    for (const tags of [0, 1, 20]) {
      await withoutPages();
      const before = await used();
      await askForAll(giver.port, pathsOf(`tags/${tags}`, pages));
      await giver.given((given += pages));
      await pause(500);
      const own = await lengths();
      const each = ((await used()) - before) / pages;
      console.log(
        `memory of the server, 10 KiB, ${tags} tags: ${Math.round(each)} bytes a page; its value ${Math.round(own)}, ` +
          `beyond it ${Math.round(each - own)}, beside ${Math.round((await bareOf(own, pages)) - own)} of a bare SET with PX`,
      );
    }
    await giver.close();
  }

  // The same values under short keys.
  async function bareOf(bytes, pages) {
    await withoutPages();
    const before = await used();
    const value = Buffer.alloc(Math.round(bytes), "x");
    for (let n = 0; n < pages; n++) await redis.set(`b:${n}`, value, "PX", 3_600_000);
    await pause(500);
    const each = ((await used()) - before) / pages;
    await withoutPages();
    return each;
  }

  async function withoutPages() {
    for (const key of await redis.keys("*")) if (!key.startsWith("diskcache:{")) await redis.unlink(key);
    await pause(1_500); // the server gives back what its tables take
  }

  async function lengths() {
    const keys = (await redis.keys("*:p:*")).slice(0, 200);
    const all = [];
    for (const key of keys) all.push(await redis.strlen(key));
    return all.reduce((sum, one) => sum + one, 0) / all.length;
  }

  async function long() {
    const [giver, finder, other] = [await machine(), await machine(), await machine()];
    const small = pathsOf("page", 4_000);
    await askForAll(giver.port, small);
    let given = small.length;
    await giver.given(given);
    const [ofGiver, ofFinder] = [await openClient(giver.port), await openClient(finder.port)];
    const [smallOfFinder, smallOfOther] = [await openClient(finder.port), await openClient(other.port)];
    const beside = { finder: { idle: [], given: [], found: [] }, other: { idle: [], given: [], found: [] } };
    const took = { rendered: [], given: [], found: [] };
    const most = { giver: [], finder: [] };
    let next = 0;
    const during = async (phase, work) => {
      let over = false;
      const asking = async (client, into) => {
        while (!over && next < small.length) {
          const { firstMs, hit } = await client.ask(small[next++]);
          if (hit) into.push(firstMs);
          await pause(5);
        }
      };
      const load = [
        asking(smallOfFinder, beside.finder[phase]),
        asking(smallOfOther, beside.other[phase]),
        watching(() => over, giver, most.giver),
        watching(() => over, finder, most.finder),
      ];
      const ms = await timed(work);
      over = true;
      await Promise.all(load);
      return ms;
    };
    await during("idle", () => pause(1_500));
    for (const figures of [beside.finder, beside.other]) figures.idle.length = 0; // what is compiled is compiled now
    await during("idle", () => pause(2_500));
    const atRest = [giver, finder].map(({ pid }) => residentMiB(pid));
    for (const values of Object.values(most)) values.length = 0;
    for (const path of pathsOf("long", 4)) {
      took.given.push(
        await during("given", async () => {
          took.rendered.push((await ofGiver.ask(path)).wholeMs);
          await giver.given(++given);
        }),
      );
      let answer;
      await during("found", async () => (answer = await ofFinder.ask(path)));
      const { hit, wholeMs } = answer;
      if (!hit) throw new Error("the long page was not found");
      took.found.push(wholeMs);
    }
    const list = (values) => values.map((ms) => Math.round(ms)).join(" / ");
    console.log(
      `100 MiB: rendered and sent in ${list(took.rendered)} ms; until given ${list(took.given)} ms; found and sent by the other in ${list(took.found)} ms`,
    );
    console.log(
      `  resident memory, giver: ${Math.round(atRest[0])} MiB before, ${Math.round(Math.max(...most.giver))} at most; finder: ${Math.round(atRest[1])} before, ${Math.round(Math.max(...most.finder))} at most`,
    );
    for (const [name, figures] of Object.entries(beside))
      for (const [phase, values] of Object.entries(figures))
        console.log(
          `  first byte of 10 KiB in the engine, asked of ${name === "finder" ? "the machine that finds it" : "a third machine"}, ${{ idle: "nothing beside it", given: "while it is given", found: "while it is found" }[phase]}: ` +
            `p50 ${quantile(values, 0.5).toFixed(2)}, p99 ${quantile(values, 0.99).toFixed(2)} ms of ${values.length}`,
        );
    for (const client of [ofGiver, ofFinder, smallOfFinder, smallOfOther]) client.close();
    for (const each of [giver, finder, other]) await each.close();
  }
}

async function watching(over, { pid }, into) {
  while (!over()) {
    into.push(residentMiB(pid));
    await pause(50);
  }
}

function residentMiB(pid) {
  return Number(readFileSync(`/proc/${pid}/statm`, "latin1").split(" ")[1]) * PAGE_MIB;
}

async function timed(work) {
  const fromMs = now();
  await work();
  return now() - fromMs;
}
