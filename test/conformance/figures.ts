/** What other caches reach, as data: figures that were measured once and are not measured again when the tests run. */

/** Passed tests of one category, or of all: required and optimal. */
export type Score = readonly [required: number, optimal: number];

/** Results that the suite's authors publish in the package npm has, scored here by the same rule as ours; browsers left
 * out. */
export const PUBLISHED: readonly { readonly system: string; readonly version: string; readonly file: string }[] = [
  { system: "nginx", version: "1.18.0", file: "nginx.json" },
  { system: "Varnish", version: "6.4.0", file: "varnish.json" },
  { system: "Squid", version: "4.13", file: "squid.json" },
  { system: "httpd", version: "2.4.46", file: "apache.json" },
  { system: "ATS", version: "8.0.8", file: "trafficserver.json" },
];

/** Measured with an edition later than npm's, of 370 tests, 365 of them for a reverse proxy. */
export const RECENT: {
  readonly edition: string;
  readonly systems: readonly string[];
  /** Category, what there is to pass in it, and what each system passed, in their order. */
  readonly categories: readonly { readonly id: string; readonly of: Score; readonly scores: readonly Score[] }[];
} = {
  edition: "late 2025",
  systems: [
    "nginx 1.22.1",
    "Varnish 7.1.1",
    "Squid 5.7",
    "httpd 2.4.71",
    "ATS 9.2.5",
    "HAProxy 2.6.12",
    "undici 7.30.2, cache interceptor",
  ],
  categories: [
    category("cc-freshness", "9·11", "8·10 9·11 9·8 9·11 9·11 9·10 9·11"),
    category("cc-parse", "4·0", "4·0 4·0 4·0 4·0 3·0 4·0 4·0"),
    category("age-parse", "13·0", "0·0 12·0 9·0 12·0 12·0 6·0 5·0"),
    category("expires", "6·2", "2·2 5·2 4·2 6·2 6·2 4·2 6·2"),
    category("expires-parse", "9·7", "7·7 9·3 5·6 6·6 2·6 9·4 9·3"),
    category("cc-response", "9·3", "9·1 9·1 8·3 9·3 9·2 8·1 9·3"),
    category("stale", "5·1", "0·0 1·1 4·0 0·0 4·0 0·0 1·1"),
    category("heuristic", "7·9", "7·0 7·0 7·3 7·2 7·3 7·1 7·9"),
    category("method", "0·1", "0·0 0·0 0·0 0·0 0·0 0·0 0·0"),
    category("status", "19·19", "19·18 8·8 7·7 14·14 19·18 1·1 19·18"),
    category("vary", "8·12", "8·8 8·7 8·7 8·7 8·10 1·0 8·7"),
    category("vary-parse", "7·0", "3·0 1·0 7·0 7·0 6·0 0·0 7·0"),
    category("conditional-lm", "0·5", "0·3 0·4 0·4 0·4 0·4 0·4 0·0"),
    category("conditional-inm", "3·7", "2·7 3·4 2·6 2·7 3·6 2·5 0·2"),
    category("headers", "30·0", "28·0 27·0 28·0 30·0 27·0 28·0 29·0"),
    category("update304", "7·0", "2·0 7·0 6·0 6·0 7·0 0·0 1·0"),
    category("invalidation", "4·4", "0·0 0·0 4·3 3·3 3·3 4·4 4·4"),
    category("partial", "2·8", "0·0 2·3 2·3 2·3 2·3 0·0 0·0"),
    category("auth", "1·3", "0·0 1·0 0·0 1·0 0·0 1·1 1·3"),
    category("other", "6·3", "1·2 6·1 6·3 4·3 6·3 4·3 6·2"),
    category("cdn-cache-control", "10·7", "0·0 0·0 0·0 0·0 0·0 0·0 0·0"),
    category("interim", "1·3", "0·0 0·0 1·3 1·3 0·2 1·3 1·3"),
  ],
};

function category(id: string, of: string, scores: string): (typeof RECENT.categories)[number] {
  return { id, of: score(of), scores: scores.split(" ").map(score) };
}

function score(text: string): Score {
  const [required = 0, optimal = 0] = text.split("·").map(Number);
  return [required, optimal];
}
