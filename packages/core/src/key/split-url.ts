/** Cuts a URL into host and target by hand: a URL parser would rewrite the path, and the key holds it as it was sent. */

/** @returns `undefined` when it is neither a path beginning with "/" nor an absolute http URL */
export function splitUrl(url: string): { readonly scope: string | undefined; readonly target: string } | undefined {
  if (url.startsWith("/")) return { scope: undefined, target: withoutFragment(url) };
  const absolute = /^https?:\/\/([^/?#]+)(.*)$/is.exec(url);
  if (absolute === null) return undefined;
  const target = withoutFragment(absolute[2]!);
  return { scope: absolute[1]!.toLowerCase(), target: target.startsWith("/") ? target : `/${target}` };
}

function withoutFragment(target: string): string {
  const mark = target.indexOf("#");
  return mark < 0 ? target : target.slice(0, mark);
}
