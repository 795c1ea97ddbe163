/** Mutated requests to the cache, past any server: whatever comes, it decides without throwing, and never answers one
 * request with another's page. */
import { PageCache } from "@diskcache/core";
import type { BodySource, Forward, OutgoingResponse, RawHeaders, RequestHead } from "@diskcache/core";
import type { FuzzResult } from "./files.js";
import { MemoryWatch } from "./memory.js";
import type { Random } from "./random.js";

const METHODS = [
  ...Array.from({ length: 24 }, () => "GET"),
  "HEAD",
  "POST",
  "PUT",
  "DELETE",
  "OPTIONS",
  "QUERY",
  "get",
  "",
  "\0",
];
const TARGETS = [
  "/",
  "/a",
  "/a?b=1",
  "/a?b=1&b=2",
  "/a;b=1",
  "//a",
  "/a%2f..%2fb",
  "/a%00",
  "/a/../b",
  "http://other.example/a",
  "*",
  "",
  "/ä",
  `/${"x".repeat(70_000)}`,
];
const FIELDS: readonly (readonly [name: string, values: readonly string[]])[] = [
  ["host", ["a.example", "A.EXAMPLE", "b.example", "a.example:80", "user@a.example", "", "a.example, b.example"]],
  ["x-forwarded-host", ["evil.example", ""]],
  ["x-forwarded-proto", ["https", "javascript"]],
  ["x-original-url", ["/admin"]],
  ["cookie", ["sid=1", "sid=2", "=", ";;", "a"]],
  ["authorization", ["Basic YTpi", "Bearer x"]],
  ["accept-language", ["en", "de", " de ", "de,en", "", "*", "en;q=x"]],
  ["range", ["bytes=0-1", "bytes=-1", "bytes=5-", "bytes=9-1", "bytes=0-0,1-1,2-2", "lines=1-2", "bytes=0-1e9"]],
  ["if-none-match", ["*", '"a"', 'W/"a"', "a", '"'.repeat(100)]],
  ["if-modified-since", ["Thu, 01 Jan 1970 00:00:00 GMT", "yesterday", "0"]],
  ["if-range", ['"a"', "x"]],
  ["cache-control", ["no-cache", "only-if-cached", "max-age=99999999999999999999", "no-store", "="]],
  ["content-length", ["0", "5", "-1", "x"]],
  ["__proto__", ["evil"]],
  ["constructor", ["evil"]],
  ["", ["x"]],
];

/** What a handler would let depend on the request; never another's. */
function pageFor({ method, target, scheme, rawHeaders }: RequestHead): string {
  // A field with separators and no cookie in it is none.
  const cookies = linesOf(rawHeaders, "cookie")
    .join("; ")
    .replaceAll(/^[;\s]+$/g, "");
  const seen = ["host", "x-forwarded-host", "x-forwarded-proto", "authorization"].map((name) =>
    linesOf(rawHeaders, name).join(", "),
  );
  const [host = "", ...rest] = seen;
  // A list with weights: white space, empty members, order and letter case say nothing (RFC 9110 §5.6.1, §12.4.2); none
  // at all is something else.
  const languages = linesOf(rawHeaders, "accept-language");
  const members = languages
    .join(",")
    .toLowerCase()
    .replaceAll(/[ \t]/g, "")
    .replaceAll(/;q=1(?:\.0*)?(?=,|$)/g, "")
    .split(",");
  const language = languages.length === 0 ? null : members.filter((member) => member !== "").toSorted();
  const asked = method === "HEAD" ? "GET" : method;
  return JSON.stringify([asked, scheme, host.toLowerCase(), target, language, cookies, ...rest]);
}

export async function fuzzRequests(dir: string, runs: number, random: Random): Promise<FuzzResult> {
  const cache = new PageCache<undefined>({
    dir,
    ttl: "1h",
    maxEntries: 500,
    memory: "2mb",
    honourRequest: true,
    hosts: ["a.example", "b.example", "a.example:80"],
  });
  const memory = new MemoryWatch();
  const wrong: string[] = [];
  let hits = 0;
  for (let run = 0; run < runs; run++) {
    const request = requestOf(random);
    try {
      const outcome = await cache.handle(request, undefined);
      if (outcome.kind === "forward") {
        await answer(outcome, request, random);
      } else {
        hits++;
        const problem = await problemWith(outcome, request);
        if (problem !== undefined) wrong.push(`run ${run}: ${problem}`);
        outcome.refresh?.release();
      }
    } catch (error) {
      wrong.push(`run ${run}: ${String(error)}`);
    }
    memory.look(run, runs);
  }
  const { entries } = await cache.stats();
  if (entries > 600) wrong.push(`${entries} entries where 500 may be`);
  await cache.close();
  return { seed: random.seed, runs, hits, misses: runs - hits, wrong, grownMib: memory.grownMib };
}

function requestOf(random: Random): RequestHead {
  const rawHeaders: string[] = random.chance(0.9) ? ["Host", random.chance(0.7) ? "a.example" : "b.example"] : [];
  for (let more = random.below(random.chance(0.5) ? 1 : 5); more > 0; more--) {
    const [name, values] = random.pick(FIELDS);
    rawHeaders.push(random.chance(0.2) ? name.toUpperCase() : name, blurred(random.pick(values), random));
  }
  const target = blurred(random.pick(TARGETS), random);
  const method = random.pick(METHODS);
  return { method, target, scheme: random.chance(0.9) ? "http" : "https", headers: joined(rawHeaders), rawHeaders };
}

function blurred(text: string, random: Random): string {
  if (random.chance(0.95)) return text;
  return random.mutated(Buffer.from(text, "latin1"), Buffer.from("%00\r\n ,;=&?#", "latin1")).toString("latin1");
}

// As node:http joins them: of some fields only the first line counts.
function joined(rawHeaders: readonly string[]): RequestHead["headers"] {
  const headers: Record<string, string> = {};
  for (let index = 0; index < rawHeaders.length; index += 2) {
    const name = rawHeaders[index]!.toLowerCase();
    const before = Object.hasOwn(headers, name) ? headers[name] : undefined;
    const value = rawHeaders[index + 1]!;
    if (before === undefined)
      Object.defineProperty(headers, name, { value, enumerable: true, writable: true, configurable: true });
    else if (!["host", "authorization", "content-length", "if-modified-since"].includes(name))
      headers[name] = `${before}, ${value}`;
  }
  return headers;
}

async function answer(forward: Forward, request: RequestHead, random: Random): Promise<void> {
  const body = Buffer.from(pageFor(request));
  const long = random.chance(0.01) ? Buffer.alloc(100_000, body) : undefined;
  const rawHeaders = ["Content-Type", "text/plain", "Vary", "Accept-Language", ...random.pick(ANSWERS)];
  const delivery = forward.head({
    head: { status: random.chance(0.9) ? 200 : random.pick([404, 500, 304]), statusText: "", rawHeaders },
    before: [],
    body: long ?? body,
  });
  if (delivery.record) forward.write(long ?? body);
  if (random.chance(0.02)) forward.abort("thrown");
  else await forward.end();
}

const ANSWERS: readonly (readonly string[])[] = [
  ...Array.from({ length: 12 }, () => []),
  ["ETag", '"a"'],
  ["Cache-Control", "no-store"],
  ["Cache-Control", "max-age=0, stale-while-revalidate=60"],
  ["Set-Cookie", "sid=1"],
  ["No-Vary-Search", "key-order"],
  ["Cache-Control", "="],
];

async function problemWith(hit: OutgoingResponse, request: RequestHead): Promise<string | undefined> {
  const { status, body, headers } = hit;
  if (body === undefined || status === 304 || status === 504) return undefined;
  const bytes = Buffer.isBuffer(body) ? body : await gathered(body);
  if (status === 200) {
    const lengths = linesOf(headers, "content-length");
    if (lengths.length !== 1 || Number(lengths[0]) !== bytes.length)
      return `a length of ${lengths.join()} for ${bytes.length} bytes`;
    const page = pageFor({ ...request, target: targetOf(bytes, headers, request) });
    const expected = bytes.length > 90_000 ? Buffer.alloc(100_000, page) : Buffer.from(page);
    return bytes.equals(expected) ? undefined : `${page} was answered with ${bytes.toString().slice(0, 300)}`;
  }
  return undefined;
}

// A page that says that the order of parameters does not matter (`No-Vary-Search: key-order`) answers every target that
// differs in nothing else.
function targetOf(page: Buffer, headers: RawHeaders, { target }: RequestHead): string {
  if (!linesOf(headers, "no-vary-search").includes("key-order")) return target;
  // A long body repeats its page.
  const [first = ""] = page.toString().split(/(?<="\])(?=\[")/, 1);
  const rendered = String((JSON.parse(first) as unknown[])[3]);
  return withoutKeyOrder(rendered) === withoutKeyOrder(target) ? rendered : target;
}

// No query is the same as an empty one.
function withoutKeyOrder(target: string): string {
  const [path = "", ...query] = target.split("?");
  // The first "?" is dropped there; any other belongs to a name or a value.
  const parameters = new URLSearchParams(`?${query.join("?")}`);
  parameters.sort();
  return `${path}?${parameters.toString()}`;
}

async function gathered({ pieces, open }: BodySource): Promise<Buffer> {
  const reader = open();
  const read: Buffer[] = [];
  try {
    for (const piece of pieces) {
      if (Buffer.isBuffer(piece)) read.push(piece);
      else
        for (let at = piece.start; at < piece.end;) {
          const bytes = await reader.read(at, piece.end);
          if (bytes.length === 0) break;
          read.push(Buffer.from(bytes));
          at += bytes.length;
        }
    }
    return Buffer.concat(read);
  } finally {
    reader.close();
  }
}

function linesOf(rawHeaders: readonly string[], name: string): string[] {
  const lines: string[] = [];
  for (let index = 0; index < rawHeaders.length; index += 2)
    if (rawHeaders[index]!.toLowerCase() === name) lines.push(rawHeaders[index + 1]!);
  return lines;
}
