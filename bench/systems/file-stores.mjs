/** Other stores of files, around a handler of node:http by hand: nothing but a get, and a set behind the response. */
import { createServer } from "node:http";
import { join } from "node:path";
import cacache from "cacache";
import { DiskStore } from "cache-manager-fs-hash";
import { KeyvFile } from "keyv-file";
import { calls, makePage } from "../page.mjs";

export const systems = {
  cacache: ({ dir, bodyBytes }) =>
    around(bodyBytes, {
      async get(key) {
        try {
          const { data, metadata } = await cacache.get(dir, key, { memoize: false });
          return { body: data, headers: metadata };
        } catch {
          return undefined;
        }
      },
      set: (key, { body, headers }) => cacache.put(dir, key, body, { metadata: headers }),
    }),
  "keyv-file": ({ dir, bodyBytes }) => {
    const store = new KeyvFile({ filename: join(dir, "page-"), separatedFile: true });
    return around(bodyBytes, {
      async get(key) {
        const text = await store.get(encodeURIComponent(key));
        if (text === undefined) return undefined;
        const end = text.indexOf("\n");
        return { headers: JSON.parse(text.slice(0, end)), body: text.slice(end + 1) };
      },
      set: (key, { body, headers }) =>
        store.set(encodeURIComponent(key), `${JSON.stringify(headers)}\n${body}`, 36_000_000),
    });
  },
  "cache-manager-fs-hash": ({ dir, bodyBytes }) => {
    const store = new DiskStore({ path: dir, ttl: 36_000_000 });
    return around(bodyBytes, {
      get: (key) => store.get(key),
      set: (key, page) => store.set(key, page),
    });
  },
};

function around(bodyBytes, store) {
  const page = makePage(bodyBytes);
  const { body, headers } = page;
  return createServer((req, res) => {
    const answered = store.get(req.url).then((found) => {
      if (found !== undefined) {
        res.writeHead(200, found.headers);
        res.end(found.body);
        return undefined;
      }
      calls.count++;
      res.writeHead(200, headers);
      res.end(body);
      return store.set(req.url, { headers, body });
    });
    // Some of them fail when a page is read while it is written, or written twice at once.
    answered.catch(() => res.writableEnded || res.destroy());
  });
}
