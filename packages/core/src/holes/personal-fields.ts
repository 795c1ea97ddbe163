/** The fields of a page whose holes are filled: it is one visitor's now, and another one each time. */
import type { RawHeaders } from "../base/exchange.js";
import { fieldLines, listMembers, withField, withoutFields } from "../http/fields.js";

// What tells one version of the page from another, or offers parts of it, is about the page with its holes.
const OF_THE_STORED: ReadonlySet<string> = new Set([
  "etag",
  "last-modified",
  "accept-ranges",
  "content-length",
  "content-md5",
  "digest",
  "content-digest",
  "repr-digest",
  "surrogate-control",
]);

/** For shared caches: they must not keep it, whatever the stored page may. */
const FOR_SHARED_CACHES = /^(?:public|s-maxage|proxy-revalidate|private)(?:=|$)/i;
const TARGETED = /^.+-cache-control$/i;

/** Without what no longer holds, and `private`: no cache between here and the visitor may give it to somebody else. */
export function personalFields(raw: RawHeaders): string[] {
  const kept = withoutFields(raw, OF_THE_STORED);
  const fields: string[] = [];
  for (let index = 0; index < kept.length; index += 2)
    if (!TARGETED.test(kept[index]!)) fields.push(kept[index]!, kept[index + 1]!);
  const directives = listMembers(fieldLines(fields, "cache-control")).filter((one) => !FOR_SHARED_CACHES.test(one));
  return withField(fields, "Cache-Control", ["private", ...directives].join(", "));
}
