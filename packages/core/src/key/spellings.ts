/** Different spellings of one host, and of one target. Keys hold them as they were sent; a caller that names pages
 * means all of them. */

/** The name for pages of a host, whatever `Host` said: lower case, without a default port and a final dot, an address
 * in its short form. */
export function hostName(host: string): string {
  const lower = host.toLowerCase();
  if (!UNUSUAL_HOST.test(lower)) return lower;
  const [, name = lower, port = ""] = /^(.*?)(:\d*)?$/.exec(lower) ?? [];
  const bare = DEFAULT_PORTS.has(port) ? name : lower;
  const dotless = bare.replace(/\.(?=$|:)/, "");
  return dotless.startsWith("[") ? shortAddress(dotless) : dotless;
}

/** A hand-written target as clients send it: what a URL may not hold is encoded as `new URL` does it. */
export function sentTarget(target: string): string {
  if (!UNSENDABLE.test(target)) return target;
  const mark = target.indexOf("?");
  const [path, query] = mark < 0 ? [target, ""] : [target.slice(0, mark), target.slice(mark)];
  return (
    path.replace(/[^\x21\x23-\x3b\x3d\x40-\x5d\x5f\x61-\x7a\x7c\x7e]+/gu, encoded) +
    query.replace(/[^\x21\x23-\x26\x28-\x3b\x3d\x3f-\x7e]+/gu, encoded)
  );
}

/** Everything that a client may have sent for a target that a caller names: as it is written, and encoded in capitals
 * and in small letters. */
export function spellings(target: string): readonly string[] {
  const sent = sentTarget(target);
  if (!sent.includes("%")) return [target];
  const inCase = (change: (digits: string) => string) => sent.replace(/%[\da-f]{1,2}/gi, change);
  return [...new Set([target, inCase((code) => code.toUpperCase()), inCase((code) => code.toLowerCase())])];
}

const DEFAULT_PORTS: ReadonlySet<string> = new Set([":", ":80", ":443"]);
const UNUSUAL_HOST = /:(?:80|443)?$|\.(?:$|:)|^\[/;
const UNSENDABLE = /[^\x21-\x7e]|["<>^`{}']/;

function encoded(text: string): string {
  return [...Buffer.from(text)].map((byte) => `%${byte.toString(16).toUpperCase().padStart(2, "0")}`).join("");
}

function shortAddress(host: string): string {
  try {
    return new URL(`http://${host}`).host;
  } catch {
    return host;
  }
}

/* Cuts a URL into host and target without a URL parser, which would rewrite the path; the key holds it as it was
 * sent. */

/** @returns `undefined` when it is neither a path beginning with "/" nor an absolute http URL whose host a request can
 * have */
export function splitUrl(url: string): { readonly scope: string | undefined; readonly target: string } | undefined {
  if (url.startsWith("/")) return { scope: undefined, target: withoutFragment(url) };
  const absolute = /^https?:\/\/([^/?#]+)(.*)$/is.exec(url);
  if (absolute === null) return undefined;
  const target = withoutFragment(absolute[2]!);
  const scope = asciiHost(absolute[1]!);
  if (scope === undefined) return undefined;
  return { scope: hostName(scope), target: target.startsWith("/") ? target : `/${target}` };
}

function withoutFragment(target: string): string {
  const mark = target.indexOf("#");
  return mark < 0 ? target : target.slice(0, mark);
}

// A request names a host in ASCII, and no user.
function asciiHost(host: string): string | undefined {
  const isAscii: boolean = isHost(host);
  if (isAscii) return host;
  if (host.includes("@")) return undefined;
  try {
    return new URL(`http://${host}`).host;
  } catch {
    return undefined;
  }
}

/* A host as the `Host` field says it (RFC 9110 §7.2). */

/** A name or an address, and a port: no scheme, no user, no path, no characters that case folding turns into another
 * name. */
const HOST = /^(?:[\w.~%-]+|\[[\da-f:.]+\])(?::\d*)?$/i;

/** The expected form, for messages. */
export const EXPECTED_HOST = 'a host such as "www.example.com", with its port where one is sent ("localhost:3000")';

export function isHost(value: unknown): value is string {
  return typeof value === "string" && HOST.test(value);
}
