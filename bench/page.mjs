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
