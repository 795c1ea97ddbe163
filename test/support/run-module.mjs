/** A process that runs one module of the tests as Vitest would, straight from the sources: `fork(run-module.mjs, [module, …arguments])` calls its `main(…arguments)`. */
import { fileURLToPath } from "node:url";
import { createViteServer } from "vitest/node";

const conditions = ["diskcache-source", "node"];
const [module, ...given] = process.argv.slice(2);
const vite = await createViteServer({
  configFile: false,
  root: fileURLToPath(new URL("../..", import.meta.url)),
  appType: "custom",
  logLevel: "warn",
  server: { middlewareMode: true, hmr: false, ws: false, watch: null },
  ssr: { resolve: { conditions, externalConditions: conditions } },
});
const { main } = await vite.ssrLoadModule(module);
await main(...given);
