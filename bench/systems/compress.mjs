/** The same page compressed: kept so by this cache, compressed for every request, or sent from memory as the most that can be done. */
import { createServer } from "node:http";
import { brotliCompressSync, constants, gzipSync } from "node:zlib";
import { diskCache as inExpress } from "@diskcache/express";
import { diskCache } from "@diskcache/http";
import apicache from "apicache";
import compression from "compression";
import express from "express";
import { calls, makeText } from "../page.mjs";
import { cacheOptions } from "./node-http.mjs";

const FIELDS = [
  "Content-Type",
  "text/html; charset=utf-8",
  "Cache-Control",
  "public, max-age=36000",
  "ETag",
  '"a-page"',
];
const HIT = ["Age", "1", "Cache-Status", "diskcache; hit; ttl=35999"];
const ENCODE = {
  br: (body) =>
    brotliCompressSync(body, {
      params: { [constants.BROTLI_PARAM_QUALITY]: 11, [constants.BROTLI_PARAM_SIZE_HINT]: body.length },
    }),
  gzip: (body) => gzipSync(body, { level: 9, memLevel: 9 }),
};

export const systems = {
  "bare, coded"({ bodyBytes, accepts }) {
    const body = ENCODE[accepts](makeText(bodyBytes));
    const length = ["Content-Length", String(body.length)];
    const headers = [...FIELDS, "Vary", "Accept-Encoding", "Content-Encoding", accepts, ...length, ...HIT];
    return createServer((_req, res) => {
      res.writeHead(200, headers);
      res.end(body);
    });
  },
  "diskcache, coded"({ bodyBytes, accepts, ...config }) {
    const cache = diskCache({ ...cacheOptions(config), compress: [accepts] });
    return createServer(cache(answering(makeText(bodyBytes))));
  },
  /** The yardstick of the bar: a page of just as many bytes, that is sent as it is. */
  "diskcache, as many bytes as they are"({ bodyBytes, accepts, ...config }) {
    return createServer(diskCache(cacheOptions(config))(answering(ENCODE[accepts](makeText(bodyBytes)))));
  },
  "diskcache in Express, coded"({ bodyBytes, accepts, ...config }) {
    const app = bareApp();
    app.use(inExpress({ ...cacheOptions(config), compress: [accepts] }), answering(makeText(bodyBytes)));
    return createServer(app);
  },
  "compression before apicache"({ bodyBytes }) {
    const app = bareApp();
    app.use(compression(), apicache.middleware("10 hours"), answering(makeText(bodyBytes)));
    return createServer(app);
  },
};

function answering(body) {
  const headers = [...FIELDS, "Content-Length", String(body.length)];
  return (_req, res) => {
    calls.count++;
    res.writeHead(200, headers);
    res.end(body);
  };
}

function bareApp() {
  const app = express();
  app.disable("x-powered-by");
  app.disable("etag");
  return app;
}
