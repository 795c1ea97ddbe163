/** Where the application's own parts (206) of a page lie: beside the page, never in its place. */
import type { PageKey } from "./page-key.js";

export function partPage(page: PageKey): PageKey {
  return { ...page, key: `${page.key}part ` };
}
