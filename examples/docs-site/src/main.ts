/** `npm run docs`: the documentation of this project as files, to be opened in a browser or put on any server. */
import { resolve } from "node:path";
import { REPOSITORY_ROOT } from "./site.js";
import { writeSite } from "./static-site.js";

const folder = resolve(process.argv[2] ?? "site");
const { pages, sections } = await writeSite(REPOSITORY_ROOT, folder);
console.log(`${pages} pages, ${sections} sections in the search: ${folder}/index.html`);
