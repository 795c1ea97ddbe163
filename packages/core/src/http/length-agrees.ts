/** Whether a body has the length its head announces (RFC 9110 §8.6). */
import type { ResponseHead } from "../base/exchange.js";
import { fieldLines } from "./fields.js";

/** Several Content-Length lines, or one that is no number, agree with no body (RFC 9112 §6.3). */
export function lengthAgrees({ rawHeaders }: ResponseHead, bytes: number): boolean {
  const lines = fieldLines(rawHeaders, "content-length");
  return lines.length === 0 || (lines.length === 1 && /^\d+$/.test(lines[0]!) && Number(lines[0]) === bytes);
}
