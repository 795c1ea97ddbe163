/**
 * Fields that middleware before the cache has set, changed or removed in `req.headers`, where handlers read them; what
 * came over the wire does not have them. Never changes a request.
 */
import { IncomingMessage } from "node:http";
import { headerGroups } from "./header-groups.js";
import { isHttp2Request } from "./http2-request.js";
import { plainFields } from "./watch-request.js";

/** Node's own name for where a message keeps its fields by name: nothing is there before they are read. */
const FIELDS = Object.getOwnPropertySymbols(new IncomingMessage(undefined as never)).find(
  ({ description }) => description === "kHeaders",
);

/** In place of a value: the field was removed. No value that is received has this character. */
const REMOVED = "\0";

/** The lines that handlers read beside, or instead of, those received; `undefined` where there are none. `Host` is left
 * out: keys have the current one. */
export function changedFields(req: IncomingMessage): string[] | undefined {
  if (isUnread(req)) return undefined;
  const { headers, rawHeaders } = plainFields(req);
  if (isAsReceived(headers, rawHeaders)) return undefined;
  const changed: string[] = [];
  const received = headerGroups(rawHeaders);
  for (const [field, value] of Object.entries(headers)) {
    const name = field.toLowerCase();
    const lines = received.get(name)?.values;
    if (value === undefined || isLeftAlone(name)) continue;
    received.delete(name);
    if (lines === undefined || !isJoined(value, lines))
      for (const line of Array.isArray(value) ? value : [value]) changed.push(name, line);
  }
  for (const name of received.keys()) if (!isLeftAlone(name)) changed.push(name, REMOVED);
  return changed.length === 0 ? undefined : changed;
}

function isUnread(req: IncomingMessage): boolean {
  if (FIELDS === undefined || isHttp2Request(req)) return false;
  return !(req as unknown as Record<symbol, unknown>)[FIELDS];
}

// The usual case, with no field in several lines.
function isAsReceived(headers: IncomingMessage["headers"], raw: readonly string[]): boolean {
  let names = 0;
  for (const _ in headers) names++;
  if (names * 2 !== raw.length) return false;
  for (let index = 0; index < raw.length; index += 2)
    if (headers[raw[index]!.toLowerCase()] !== raw[index + 1]) return false;
  return true;
}

// HTTP/2's method, scheme, host and path are in the key.
function isLeftAlone(name: string): boolean {
  return name === "host" || name.startsWith(":");
}

// As Node joins lines, each field in one of these ways.
function isJoined(value: string | string[], lines: readonly string[]): boolean {
  if (Array.isArray(value)) return value.join("\0") === lines.join("\0");
  return value === lines[0] || value === lines.join(", ") || value === lines.join("; ");
}
