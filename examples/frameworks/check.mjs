/**
 * What every application here is asked, and what has to come: the same status, fields and bytes without the cache, from a
 * miss and from a hit. Knows nothing of how an application is installed or started.
 */
import { deepEqual, equal, match, ok } from "node:assert/strict";
import { request as requestHttp } from "node:http";
import { connect as connectHttp2 } from "node:http2";
import { brotliDecompressSync, gunzipSync } from "node:zlib";

// A page that is longer than a compressor's threshold, one whose body comes in pieces, one that sets a cookie.
const PAGE = "/page/7";
const STREAM = "/stream";
const SESSION = "/session";

// What applications have of their own: a navigation inside Next.js asks for another representation of the page.
const ALSO = {
  next: [{ path: `${PAGE}?_rsc`, headers: { rsc: "1" } }],
};
// These make a web `Request`, into which every field is copied: the audit cannot see what is read of it.
const COPY_ALL_FIELDS = new Set(["astro", "next", "react-router", "sveltekit"]);

/**
 * `serve(environment, visit)` starts the application, calls `visit` with what gives its output so far, and ends it. Gives
 * the number of comparisons that were made; throws at the first difference.
 */
export async function compare(name, port, serve) {
  const ask = name === "node-http2" ? askHttp2(port) : askHttp(port);
  const plain = [
    { path: PAGE },
    ...["gzip", "br", "gzip, br"].map((codings) => ({ path: PAGE, headers: { "accept-encoding": codings } })),
    { path: STREAM },
    { path: STREAM, headers: { "accept-encoding": "gzip" } },
    ...(ALSO[name] ?? []),
  ];
  const count = counter();

  const bare = await serve({ DISKCACHE: "off" }, async () => {
    const answers = [];
    // Twice, because some make a page at the first request and keep it themselves.
    for (const request of plain) answers.push([await ask(request), await ask(request)][1]);
    const conditional = await ask(whenNoneMatch(answers[0]));
    return {
      answers,
      head: await ask(HEAD),
      conditional,
      range: await ask(RANGE),
      session: await ask({ path: SESSION }),
    };
  });
  for (const { fields } of bare.answers) equal(fields["cache-status"], "diskcache; fwd=bypass; detail=disabled");
  equal(bare.answers[0].status, 200, `${PAGE} without the cache`);

  const visit = async () => {
    same(await ask(HEAD), bare.head, "HEAD, missed");
    count(1);
    for (const [at, request] of plain.entries()) {
      const [first, second] = [await ask(request), await ask(request)];
      const title = `${request.path} ${JSON.stringify(request.headers ?? {})}`;
      if (request === plain[0]) match(first.fields["cache-status"], /^diskcache; fwd=uri-miss; stor/, title);
      same(first, bare.answers[at], `${title}, first`);
      same(second, bare.answers[at], `${title}, second`);
      match(second.fields["cache-status"], /^diskcache; hit/, `${title}, second`);
      count(3);
    }
    const page = await ask({ path: PAGE });
    await answersHead(page);
    await answersConditions(page);
    await answersRanges(page);
    for (const _ of ["first", "second"]) {
      const session = await ask({ path: SESSION });
      same(session, bare.session, SESSION);
      match(session.fields["cache-status"], /detail=set-cookie/, SESSION);
      count(2);
    }
  };

  // From a stored page, HEAD has the fields of GET (RFC 9110 §9.3.2): some frameworks give it fewer.
  const answersHead = async (page) => {
    const answer = await ask(HEAD);
    match(answer.fields["cache-status"], /^diskcache; hit/, "HEAD, hit");
    same(answer, { ...page, body: Buffer.alloc(0) }, "HEAD, hit");
    count(2);
  };

  const answersConditions = async (page) => {
    ok(page.fields.etag, "a stored page has a validator");
    const answer = await ask(whenNoneMatch(page));
    equal(answer.status, 304);
    equal(answer.body.length, 0);
    equal(answer.fields.etag, page.fields.etag);
    const within = (fields, all) => deepEqual({ ...all, ...fields }, all, "304");
    within(comparable(answer, page), page.fields);
    // Some frameworks leave fields out of a 304, also `Vary`, which has to be there (RFC 9110 §15.4.5).
    const { vary: _, ...fields } = comparable(bare.conditional, page);
    if (bare.conditional.status === 304) within(fields, answer.fields);
    count(3);
  };

  const answersRanges = async (page) => {
    const answer = await ask(RANGE);
    equal(answer.status, 206);
    equal(answer.fields["content-range"], `bytes 10-19/${page.body.length}`);
    equal(String(answer.body), String(page.body.subarray(10, 20)));
    if (bare.range.status === 206) same(answer, bare.range, "Range");
    count(3);
  };

  await serve({}, async (output) => {
    await visit();
    const audited = output().match(/DISKCACHE_AUDIT.*/g) ?? [];
    equal(audited.length, COPY_ALL_FIELDS.has(name) ? 1 : 0, `reports of the audit:\n${audited.join("\n")}`);
    count(1);
  });
  if (COPY_ALL_FIELDS.has(name)) await serve({ AUDIT: "enforce" }, visit);
  return count(0);
}

const HEAD = { path: PAGE, method: "HEAD" };
const RANGE = { path: PAGE, headers: { range: "bytes=10-19" } };
const whenNoneMatch = ({ fields }) => ({
  path: PAGE,
  headers: { "if-none-match": fields.etag ?? '"none"' },
});

/** All that a client can tell apart, but for what docs/concepts.md says the cache adds. */
function same(answer, bare, title) {
  equal(answer.status, bare.status, `${title}: status`);
  deepEqual(comparable(answer, bare), comparable(bare, bare), `${title}: fields`);
  // Two runs of a compressor may differ in their bytes, a client sees what is in them.
  equal(sha(answer), sha(bare), `${title}: bytes`);
}

function comparable({ fields }, bare) {
  const { date: _, age: __, "cache-status": ___, "transfer-encoding": ____, ...rest } = fields;
  // A stored page has a validator, and its length is known.
  if (bare.fields.etag === undefined) delete rest.etag;
  if (bare.fields["content-length"] === undefined) delete rest["content-length"];
  return rest;
}

function sha({ fields, body }) {
  const coding = fields["content-encoding"];
  if (body.length === 0) return "";
  return String(coding === "gzip" ? gunzipSync(body) : coding === "br" ? brotliDecompressSync(body) : body);
}

function counter() {
  let total = 0;
  return (more) => (total += more);
}

function askHttp(port) {
  return ({ path, method = "GET", headers = {} }) =>
    new Promise((resolve, reject) => {
      const request = requestHttp({ host: "localhost", port, path, method, headers, agent: false }, (response) => {
        const body = [];
        response.on("data", (piece) => body.push(piece));
        response.once("error", reject);
        response.once("end", () => {
          const fields = Object.fromEntries(
            Object.entries(response.headersDistinct).map(([name, values]) => [name, values.join(", ")]),
          );
          resolve({ status: response.statusCode, fields, body: Buffer.concat(body) });
        });
      });
      request.once("error", reject).end();
    });
}

function askHttp2(port) {
  return ({ path, method = "GET", headers = {} }) =>
    new Promise((resolve, reject) => {
      const session = connectHttp2(`http://localhost:${port}`).once("error", reject);
      const stream = session.request({ ":path": path, ":method": method, ...headers }).once("error", reject);
      const body = [];
      stream.once("response", ({ ":status": status, ...fields }) => {
        stream.on("data", (piece) => body.push(piece));
        stream.once("end", () => {
          session.close();
          const strings = Object.fromEntries(Object.entries(fields).map(([name, value]) => [name, String(value)]));
          resolve({ status, fields: strings, body: Buffer.concat(body) });
        });
      });
      stream.end();
    });
}
