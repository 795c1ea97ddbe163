/** Fields that middleware outside the cache adds while the head is being sent (on-headers): what forbids storing forbids it then too. */
import type { ServerResponse } from "node:http";
import type { RawHeaders } from "@diskcache/core";
import { headerGroups } from "./header-groups.js";

/** Asked once the head is on its way. @returns the reason not to keep the response, if one has come up since `atFirst` */
export function forbiddenLate(res: ServerResponse, atFirst: RawHeaders): string | undefined {
  if (res.getHeader("set-cookie") !== undefined) return "set-cookie";
  const control = String(res.getHeader("cache-control") ?? "").toLowerCase();
  const before = headerGroups(atFirst).get("cache-control")?.values.join(", ") ?? "";
  if (control === before.toLowerCase()) return undefined;
  return control.includes("no-store") ? "no-store" : control.includes("private") ? "private" : undefined;
}
