/** What the documentation sites in Express and in Koa share. */
export { readOptions } from "./options.js";
export { run } from "./run.js";
export { openSite, SECURITY_HEADERS } from "./site.js";
