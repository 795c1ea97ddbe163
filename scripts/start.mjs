/** `npm start`: installs and builds, then becomes the main job, examples/express-docs. */
import { fileURLToPath } from "node:url";
import { prepare } from "./prepare.mjs";

await prepare();

// The same process, not a child: Ctrl-C, signals and the exit code are then the site's own.
const site = new URL("../examples/express-docs/dist/main.js", import.meta.url);
process.argv[1] = fileURLToPath(site);
await import(site.href);
