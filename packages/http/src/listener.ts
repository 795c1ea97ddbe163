/** Types of handlers for requests of node:http and node:http2: with Node's own types, one function cannot be both. */
import type { RequestListener } from "node:http";
import type { Http2ServerRequest, Http2ServerResponse } from "node:http2";

/** A handler that is written for the compatibility API of node:http2. */
export type Http2Listener = (req: Http2ServerRequest, res: Http2ServerResponse) => void;

/** Takes requests of either kind: for `createServer` of node:http, node:https and node:http2. */
export type ServerListener = RequestListener & Http2Listener;

/** Wraps a handler. */
export interface WrapListener {
  (handler: RequestListener): ServerListener;
  (handler: Http2Listener): Http2Listener;
}
