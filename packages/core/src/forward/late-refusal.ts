/** Fields that middleware outside the cache adds while the head is being sent (on-headers): what forbids storing forbids it then too. It adds them again on hits, so nothing else of theirs matters. */
import type { RawHeaders } from "../base/exchange.js";
import { parseCacheControl } from "../http/cache-control.js";
import { fieldLines, hasField } from "../http/fields.js";
import { varyFields } from "../http/vary.js";

/** What middleware outside differs by in what it adds itself: content codings, and who may read across origins. */
const OUTSIDES_OWN: ReadonlySet<string> = new Set(["accept-encoding", "origin"]);

/** The reason not to keep the response, if one has come up since the head was decided on. */
export function lateRefusal(decidedOn: RawHeaders, sent: RawHeaders, replaySetCookie: boolean): string | undefined {
  if (!replaySetCookie && hasField(sent, "set-cookie")) return "set-cookie";
  if (namesMore(decidedOn, sent)) return "late-vary";
  const lines = fieldLines(sent, "cache-control");
  if (lines.join() === fieldLines(decidedOn, "cache-control").join()) return undefined;
  const { noStore, private: forOne } = parseCacheControl(lines);
  return noStore ? "no-store" : forOne ? "private" : undefined;
}

// The page may differ by what it names, and is not kept under that.
function namesMore(decidedOn: RawHeaders, sent: RawHeaders): boolean {
  const lines = fieldLines(sent, "vary");
  if (lines.length === 0) return false;
  const [before, now] = [varyFields(fieldLines(decidedOn, "vary")), varyFields(lines)];
  if (now === "*" || before === "*") return now !== before;
  return now.some((name) => !before.includes(name) && !OUTSIDES_OWN.has(name));
}
