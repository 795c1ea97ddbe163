/** Cuts a URL into host and target by hand: a URL parser would rewrite the path, and the key holds it as it was sent. */
import { isHost } from "../http/host.js";
import { hostName } from "./spellings.js";

/** @returns `undefined` when it is neither a path beginning with "/" nor an absolute http URL whose host a request can have */
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
