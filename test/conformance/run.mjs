/** `npm run conformance`: loads `cli.ts` and the packages' sources the way Vitest does, so that nothing has to be built first. */
import { fileURLToPath } from "node:url";
import { createViteServer } from "vitest/node";

const conditions = ["diskcache-source", "node"];
const vite = await createViteServer({
  configFile: false,
  root: fileURLToPath(new URL("../..", import.meta.url)),
  appType: "custom",
  logLevel: "warn",
  server: { middlewareMode: true, hmr: false, ws: false, watch: null },
  ssr: { resolve: { conditions, externalConditions: conditions } },
});
try {
  const { main } = await vite.ssrLoadModule("/test/conformance/cli.ts");
  process.exitCode = await main(process.argv.slice(2));
} finally {
  await vite.close();
}
