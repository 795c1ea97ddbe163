/** The page that every system under measurement answers with: the same bytes and fields everywhere, made once, so that a handler costs nothing. */

/** How often handlers were called in this process: a hit that calls one is none. */
export const calls = { count: 0 };

/** @param {number} bodyBytes */
export function makePage(bodyBytes) {
  const body = Buffer.alloc(bodyBytes, "<p>The quick brown fox jumps over the lazy dog.</p>\n");
  const fields = {
    "Content-Type": "text/html; charset=utf-8",
    "Cache-Control": "public, max-age=36000",
    ETag: '"a-page"',
    "Content-Length": String(bodyBytes),
  };
  const headers = Object.entries(fields).flat();
  return {
    body,
    fields,
    headers,
    /** What a hit of this cache has on top, for servers that are compared with it. */
    hitHeaders: [...headers, "Age", "1", "Cache-Status", "diskcache; hit; ttl=35999"],
    /** A handler of node:http. */
    respond(_req, res) {
      calls.count++;
      res.writeHead(200, headers);
      res.end(body);
    },
  };
}

const WORDS =
  "the a page cache of and to in is that it visitor server disk memory answer from request when one other body head byte file store time".split(
    " ",
  );

/** Text that compresses about as well as pages do: a few words in no order, some markup, and a number now and then. Always the same.
 * @param {number} bytes */
export function makeText(bytes) {
  let seed = 1;
  const random = (below) => (seed = (seed * 48_271) % 2_147_483_647) % below;
  let text = "<!doctype html><title>A page</title>\n";
  while (text.length < bytes) {
    const words = Array.from({ length: 6 + random(20) }, () => WORDS[random(WORDS.length)]);
    text += `<p id="p-${random(100_000)}" class="text">${words.join(" ")}.</p>\n`;
  }
  return Buffer.from(text.slice(0, bytes));
}
