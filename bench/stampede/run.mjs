/** What many visitors at once cost, and what they wait: `node stampede/run.mjs [--rounds 5] [--seconds 30] [--only uncacheable,wake]`. Every figure stands beside what it is compared with, measured in turn in the same run. */
import { parseArgs } from "node:util";
import { keepAlive, median, openSite, quantile, stampede, visit } from "./site.mjs";

// What is measured is what runs in production, where no audit looks on; every worker takes it over.
process.env.NODE_ENV = "production";

const { values } = parseArgs({
  options: {
    rounds: { type: "string", default: "5" },
    seconds: { type: "string", default: "30" },
    only: { type: "string" },
  },
});
const ROUNDS = Number(values.rounds);
const SECONDS = Number(values.seconds);
const VISITORS = 1000;
const RENDER_MS = 200;

/** So many stampedes before those that count: a server that has run for a while, not one that has just been started. */
const WARM_UP_ROUNDS = 20;

const parts = {
  async cold() {
    for (const processes of [1, 4]) await cold(processes);
  },
  uncacheable,
  wake,
  killedLeader,
  hotPage,
};
for (const part of values.only?.split(",") ?? Object.keys(parts)) await parts[part]();

async function cold(processes) {
  const site = await openSite(processes, RENDER_MS);
  const agent = keepAlive();
  await stampede(site, "/page/warm-up", VISITORS, agent);
  const [coldMs, cachedMs, calls] = [[], [], []];
  for (let round = 0; round < ROUNDS; round++) {
    const path = `/page/${round}`;
    coldMs.push(await stampede(site, path, VISITORS, agent));
    calls.push(site.rendersOf(path));
    cachedMs.push(await stampede(site, path, VISITORS, agent));
  }
  const ratio = median(coldMs.map((ms, round) => ms / (cachedMs[round] + RENDER_MS)));
  tell(`${VISITORS} visitors for a cold page, ${processes} process(es)`, {
    "handler calls, most": Math.max(...calls),
    "cold, ms": median(coldMs),
    "cached, ms": median(cachedMs),
    "cold : cached + 200 ms": ratio,
  });
  agent.destroy();
  await site.close();
}

async function uncacheable() {
  const site = await openSite(1, RENDER_MS);
  const agent = keepAlive();
  await stampede(site, "/bare/private/warm-up", VISITORS, agent);
  const firstMs = await stampede(site, "/private/x", VISITORS, agent);
  let [withMs, withoutMs] = [[], []];
  for (let round = -WARM_UP_ROUNDS; round < ROUNDS * 4; round++) {
    if (round === 0) [withMs, withoutMs] = [[], []];
    const turns = [
      async () => withMs.push(await stampede(site, "/private/x", VISITORS, agent)),
      async () => withoutMs.push(await stampede(site, "/bare/private/x", VISITORS, agent)),
    ];
    for (const turn of round % 2 === 0 ? turns : turns.reverse()) await turn();
  }
  tell(`${VISITORS} visitors for a page that may not be stored`, {
    "without the cache, ms": median(withoutMs),
    "with it, ms": median(withMs),
    "with : without": median(withMs) / median(withoutMs),
    "the first time, before that is known, ms": firstMs,
  });
  agent.destroy();
  await site.close();
}

// From the leader's last byte in one process to the follower's in another.
async function wake() {
  const site = await openSite(2, 40);
  const agent = keepAlive();
  const [one, other] = site.workers;
  const waits = [];
  for (let n = 0; n < ROUNDS * 20; n++) {
    const path = `/page/wake-${n}`;
    let ledAt = 0;
    const leader = visit(one.port, path, agent).then(() => (ledAt = performance.now()));
    const follower = visit(other.port, path, agent).then(() => performance.now());
    await leader;
    if (site.rendersOf(path) === 1) waits.push(Math.max(0, (await follower) - ledAt));
    else await follower;
  }
  tell("a follower in another process, after the leader's visitor has his page", {
    pages: waits.length,
    "median, ms": median(waits),
    "p95, ms": quantile(waits, 0.95),
  });
  agent.destroy();
  await site.close();
}

async function killedLeader() {
  const delays = [];
  let calls = 0;
  for (let round = 0; round < ROUNDS; round++) {
    const site = await openSite(4, RENDER_MS);
    const agent = keepAlive();
    const [leader, ...others] = site.workers;
    const path = `/page/killed-${round}`;
    const lost = visit(leader.port, path, agent).catch(() => undefined);
    while (site.rendersOf(path) === 0) await new Promise(setImmediate);
    const followers = others.flatMap(({ port }) => Array.from({ length: 50 }, () => visit(port, path, agent)));
    await new Promise((resolve) => setTimeout(resolve, RENDER_MS / 2));
    leader.child.kill("SIGKILL");
    const killedAt = performance.now();
    await Promise.all(followers);
    delays.push(performance.now() - killedAt - RENDER_MS);
    calls = Math.max(calls, site.rendersOf(path));
    await lost;
    agent.destroy();
    await site.close();
  }
  tell("150 followers in 3 processes, leader's process killed half way", {
    "delay beyond one render, median, ms": median(delays),
    "most, ms": Math.max(...delays),
    "handler calls, the killed one included, most": calls,
  });
}

// Constant load, a page that goes stale every second beside one that does not.
async function hotPage() {
  const site = await openSite(1, RENDER_MS);
  const agent = keepAlive();
  const taken = { "/hot/x": [], "/page/x": [] };
  for (const path of Object.keys(taken)) await visit(site.workers[0].port, path, agent);
  const endMs = performance.now() + SECONDS * 1000;
  const every = async (path) => {
    for (let at = performance.now(); at < endMs; at += 4) {
      const waitMs = at - performance.now();
      if (waitMs > 0) await new Promise((resolve) => setTimeout(resolve, waitMs));
      taken[path].push(await visit(site.workers[0].port, path, agent));
    }
  };
  await Promise.all(["/hot/x", "/page/x", "/page/x", "/hot/x"].map(every));
  tell(`a hot page that goes stale every second, ${SECONDS} s of about 500 requests a second for it`, {
    "requests for it": taken["/hot/x"].length,
    renders: site.rendersOf("/hot/x"),
    "p99 of hits on a fresh page, ms": quantile(taken["/page/x"], 0.99),
    "p99 of it, ms": quantile(taken["/hot/x"], 0.99),
    "p99 ratio": quantile(taken["/hot/x"], 0.99) / quantile(taken["/page/x"], 0.99),
    "longest of it, ms": Math.max(...taken["/hot/x"]),
  });
  agent.destroy();
  await site.close();
}

function tell(what, figures) {
  console.log(`\n${what}`);
  for (const [name, value] of Object.entries(figures))
    console.log(`  ${name}: ${Number.isInteger(value) ? value : value.toFixed(2)}`);
}
