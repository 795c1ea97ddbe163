/** Fields that middleware outside the cache adds while the head is being sent (on-headers): what forbids storing forbids it then too. */
import type { RawHeaders } from "../exchange.js";
import { parseCacheControl } from "../http/cache-control.js";
import { fieldLines, hasField } from "../http/fields.js";

/** The reason not to keep the response, if one has come up since the head was decided on. */
export function lateRefusal(decidedOn: RawHeaders, sent: RawHeaders, replaySetCookie: boolean): string | undefined {
  if (!replaySetCookie && hasField(sent, "set-cookie")) return "set-cookie";
  const lines = fieldLines(sent, "cache-control");
  if (lines.join() === fieldLines(decidedOn, "cache-control").join()) return undefined;
  const { noStore, private: forOne } = parseCacheControl(lines);
  return noStore ? "no-store" : forOne ? "private" : undefined;
}
