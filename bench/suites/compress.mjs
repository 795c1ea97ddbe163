/** One hot page that visitors take compressed: 10 and 100 KiB of text, as `br` and as `gzip`. The first ratio to look at is that of the two rows "diskcache". */
import { once } from "node:events";
import { get } from "node:http";
import { measured, warmUp } from "../load.mjs";
import { compare } from "../rounds.mjs";
import { available, start } from "../servers.mjs";

const SYSTEMS = [
  "bare, coded",
  "diskcache, coded",
  "diskcache, as many bytes as they are",
  "diskcache in Express, coded",
  "compression before apicache",
];

export const title = "Compressed: one hot page, as visitors take it";
export const yardstick = "bare, coded";

export async function run({ rounds, seconds, only }) {
  const cases = [];
  for (const kibibytes of [10, 100]) {
    for (const accepts of ["br", "gzip"]) {
      const config = { bodyBytes: kibibytes * 1024, memory: "64mb", accepts };
      const names = accepts === "gzip" ? [...SYSTEMS, "nginx, gzip_static"] : SYSTEMS;
      const systems = await Promise.all(available(only ?? names).map((name) => start(name, config)));
      const lengths = await Promise.all(systems.map((system) => settledLength(system)));
      for (const system of systems) await warmUp(system, ["one"]);
      const list = await compare(systems, yardstick, rounds, (system) => measured(system, ["one"], seconds));
      const name = `${kibibytes} KiB, ${accepts}`;
      cases.push({
        case: name,
        rows: list.map((row, index) => ({ ...row, bodyBytes: lengths[index] })),
      });
      await Promise.all(systems.map((system) => system.stop()));
    }
  }
  return cases;
}

/** Asks until the page comes in its final form: coded, but for the one that never is. How long its body then is. */
async function settledLength({ name, port, accepts }) {
  for (;;) {
    const headers = { host: "www.example.com", "accept-encoding": accepts };
    const [response] = await once(get({ host: "127.0.0.1", port, path: "/p-0", headers }), "response");
    let length = 0;
    for await (const piece of response) length += piece.length;
    if (response.headers["content-encoding"] === accepts || name.endsWith("as they are")) return length;
  }
}
