/** A process with one system under measurement: `fork(serve.mjs, [its name, configuration as JSON])`. Sends its port, and on request how often its handler was called. */
import { calls } from "./page.mjs";

const MODULES = ["node-http", "express", "koa", "file-stores", "compress"];
const [name, config] = process.argv.slice(2);

for (const module of MODULES) {
  const { systems } = await import(`./systems/${module}.mjs`);
  const make = systems[name];
  if (make === undefined) continue;
  const server = make(JSON.parse(config));
  server.listen(0, "127.0.0.1", 1024, () => process.send({ port: server.address().port }));
  break;
}
process.on("message", () => process.send({ calls: calls.count }));
process.on("disconnect", () => process.exit());
