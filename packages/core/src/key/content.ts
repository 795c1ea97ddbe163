/** The content of a request as part of a key, for methods that ask by it (QUERY, and POST where the operator says so). */
import { hash } from "node:crypto";

/** Longest content that is read for the key; a request with more goes to the application unread. */
export const MAX_KEYED_CONTENT_BYTES = 1024 * 1024;

/** Methods whose content says what is asked for. */
export function isAskedByContent(method: string): boolean {
  return method === "QUERY" || method === "POST";
}

export function contentDigest(content: Uint8Array): string {
  return hash("sha256", content);
}
