/**
 * The half of the tests' reverse proxy that knows nothing of a framework: asks the origin what the client asked, field line by field line.
 * It never decides anything about caching: what the middleware in front changed in `req.headers` goes out, and what the origin answers comes back.
 */
import { request, type IncomingMessage, type ServerResponse } from "node:http";

/** Fields that belong to one connection (RFC 9110 §7.6.1), which a proxy must not pass on with a request. */
const HOP_BY_HOP = new Set(["connection", "keep-alive", "proxy-connection", "te", "transfer-encoding", "upgrade"]);

/** Field lines as `rawHeaders` has them: name, value, name, value, … */
type FieldLines = readonly string[];

/** Sends the request on to `origin`, passes interim responses through to `res`, and resolves with the head of the final
 * one, its body still to come. */
export function forward(
  origin: URL,
  target: string,
  req: IncomingMessage,
  res: ServerResponse,
): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const outgoing = request({
      host: origin.hostname,
      port: origin.port,
      method: req.method,
      path: target,
      // Array form, so that order, spelling and repeats arrive as they are.
      headers: [...requestFieldLines(req)],
      // A connection per request: a pooled one may have been closed by the origin a moment ago, which would look like
      // its answer.
      agent: false,
    });
    outgoing.on("information", ({ statusCode, rawHeaders }) => passInterim(res, statusCode, rawHeaders));
    outgoing.on("response", resolve);
    // Stays in place after the response: an origin that sends more than its Content-Length ends in a parse error behind
    // a complete answer.
    outgoing.on("error", reject);
    if (hasBody(req)) req.pipe(outgoing);
    else outgoing.end();
  });
}

/** What the origin answered, as it goes to the middleware: all of it but the framing of the connection to the origin,
 * which Node has already undone. */
export function responseFieldLines(upstream: IncomingMessage): string[] {
  return pairs(upstream.rawHeaders)
    .filter(([name]) => name.toLowerCase() !== "transfer-encoding")
    .flat();
}

/** Field lines by name, in order of first appearance, for frameworks that take repeats as an array. */
export function groupedByName(lines: FieldLines): Iterable<[name: string, values: string[]]> {
  const groups = new Map<string, [string, string[]]>();
  for (const [name, value] of pairs(lines)) {
    const group = groups.get(name.toLowerCase());
    if (group === undefined) groups.set(name.toLowerCase(), [name, [value]]);
    else group[1].push(value);
  }
  return groups.values();
}

/** The lines of the request as it stands now: a field the middleware removed from `req.headers` is gone, one it set has
 * its value, any other is as it came. */
function requestFieldLines(req: IncomingMessage): FieldLines {
  const received = new Map([...groupedByName(req.rawHeaders)].map(([name, values]) => [name.toLowerCase(), values]));
  const perConnection = new Set([...HOP_BY_HOP, ...listed(received.get("connection"))]);
  const untouched = (name: string) => isJoined(received.get(name), req.headers[name]);

  const kept = pairs(req.rawHeaders).filter(([name]) => untouched(name.toLowerCase()));
  const changed = Object.entries(req.headers).flatMap(([name, value]) =>
    untouched(name) ? [] : [value ?? []].flat().map((line) => [name, line] as const),
  );
  return [...kept, ...changed].filter(([name]) => !perConnection.has(name.toLowerCase())).flat();
}

/** Whether `value` is what node:http makes of these lines: the first of them, or all of them joined, or (Set-Cookie) a
 * list. */
function isJoined(lines: readonly string[] | undefined, value: string | string[] | undefined): boolean {
  if (lines === undefined || value === undefined) return false;
  const seen = Array.isArray(value) ? value.join(", ") : value;
  return seen === lines.join(", ") || seen === lines.join("; ") || seen === lines[0];
}

function passInterim(res: ServerResponse, status: number, rawHeaders: FieldLines): void {
  if (status === 102) res.writeProcessing();
  // Node writes hints only if there is a `link` among them, spelt like this.
  const hints = [...groupedByName(rawHeaders)].map(([name, values]) => [name.toLowerCase(), values] as const);
  if (status === 103) res.writeEarlyHints(Object.fromEntries(hints));
}

function hasBody(req: IncomingMessage): boolean {
  return req.headers["content-length"] !== undefined || req.headers["transfer-encoding"] !== undefined;
}

function listed(values: readonly string[] = []): string[] {
  return values.flatMap((value) => value.split(",")).map((name) => name.trim().toLowerCase());
}

function pairs(lines: FieldLines): [name: string, value: string][] {
  return Array.from({ length: lines.length / 2 }, (_, index) => [lines[2 * index] ?? "", lines[2 * index + 1] ?? ""]);
}
