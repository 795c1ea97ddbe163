/** The request directives of Cache-Control (RFC 9111 §5.2.1). A cache may ignore them; this one does unless configured
 * to honour them. */
import type { RawHeaders } from "../base/exchange.js";
import { deltaSeconds, fieldLines, listMembers } from "./fields.js";

/** What a client requests. Seconds; `undefined` when not given, or given in a way that does not parse. */
export interface RequestDirectives {
  readonly noCache: boolean;
  readonly noStore: boolean;
  readonly onlyIfCached: boolean;
  readonly maxAge: number | undefined;
  readonly minFresh: number | undefined;
  /** `Infinity` for `max-stale` without a value. */
  readonly maxStale: number | undefined;
}

/** Only `no-cache`, as a browser sends it for a reload that leaves out caches; `undefined` without. */
export function reloadDirective(raw: RawHeaders): RequestDirectives | undefined {
  return parseRequestDirectives(raw).noCache ? RELOAD : undefined;
}

/** `Pragma: no-cache` counts where there is no `Cache-Control` (§5.4). Of repeated values the most demanding counts.
 * @example parseRequestDirectives(["Cache-Control", "max-age=0"]).maxAge // 0 */
export function parseRequestDirectives(raw: RawHeaders): RequestDirectives {
  const cacheControl = fieldLines(raw, "cache-control");
  const members = listMembers(cacheControl.length > 0 ? cacheControl : fieldLines(raw, "pragma").filter(isNoCache));
  const demands = { noCache: false, noStore: false, onlyIfCached: false, maxAge: NONE, minFresh: NONE, maxStale: NONE };
  for (const member of members) {
    const [name = "", argument] = member.split("=", 2);
    const seconds = argument === undefined ? undefined : deltaSeconds(argument.replace(/^"(.*)"$/, "$1"));
    switch (name.toLowerCase()) {
      case "no-cache":
        demands.noCache = true;
        break;
      case "no-store":
        demands.noStore = true;
        break;
      case "only-if-cached":
        demands.onlyIfCached = true;
        break;
      case "max-age":
        if (seconds !== undefined) demands.maxAge = Math.min(demands.maxAge ?? seconds, seconds);
        break;
      case "min-fresh":
        if (seconds !== undefined) demands.minFresh = Math.max(demands.minFresh ?? seconds, seconds);
        break;
      case "max-stale": {
        const tolerated = argument === undefined ? Infinity : seconds;
        if (tolerated !== undefined) demands.maxStale = Math.min(demands.maxStale ?? tolerated, tolerated);
        break;
      }
    }
  }
  return demands;
}

const NONE: number | undefined = undefined as number | undefined;

const RELOAD: RequestDirectives = Object.freeze({
  noCache: true,
  noStore: false,
  onlyIfCached: false,
  maxAge: NONE,
  minFresh: NONE,
  maxStale: NONE,
});

function isNoCache(line: string): boolean {
  return listMembers([line]).some((member) => member.toLowerCase() === "no-cache");
}
