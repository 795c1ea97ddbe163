/** A cache group belongs to one origin (RFC 9875 §2); as a tag it carries its host, so that one site cannot end another's pages. */
import { hostName } from "../key/spellings.js";

export function groupTag(host: string, group: string): string {
  return `group ${hostName(host)} ${group}`;
}
