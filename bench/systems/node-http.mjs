/** node:http by itself, and with the cache around its handler. */
import { createServer } from "node:http";
import { diskCache } from "@diskcache/http";
import { makePage } from "../page.mjs";

export const systems = {
  /** The yardstick: what Node can do at most, answering the same bytes and fields from memory. */
  bare({ bodyBytes }) {
    const { body, hitHeaders } = makePage(bodyBytes);
    return createServer((_req, res) => {
      res.writeHead(200, hitHeaders);
      res.end(body);
    });
  },
  uncached({ bodyBytes }) {
    return createServer(makePage(bodyBytes).respond);
  },
  diskcache({ bodyBytes, ...config }) {
    return createServer(diskCache(cacheOptions(config))(makePage(bodyBytes).respond));
  },
  /** Answers its first bytes at once and the rest in three later turns. */
  streaming({ bodyBytes }) {
    return createServer(streamed(makePage(bodyBytes)));
  },
  "diskcache, streaming"({ bodyBytes, ...config }) {
    return createServer(diskCache(cacheOptions(config))(streamed(makePage(bodyBytes))));
  },
};

export function cacheOptions({ dir, memory }) {
  return { dir, memory, maxSize: "64gb", maxEntries: 4_000_000, minFree: 0, maxBody: "256mb" };
}

function streamed({ body, fields: { "Content-Length": _length, ...fields } }) {
  const quarter = Math.ceil(body.length / 4);
  return (_req, res) => {
    res.writeHead(200, fields);
    let at = 0;
    const next = () => {
      const piece = body.subarray(at, (at += quarter));
      if (at >= body.length) return res.end(piece);
      res.write(piece);
      return setImmediate(next);
    };
    next();
  };
}
