/** A host as the `Host` field says it (RFC 9110 §7.2). */

/** A name or an address, and a port: no scheme, no user, no path, no characters that case folding turns into another
 * name. */
const HOST = /^(?:[\w.~%-]+|\[[\da-f:.]+\])(?::\d*)?$/i;

/** The expected form, for messages. */
export const EXPECTED_HOST = 'a host such as "www.example.com", with its port where one is sent ("localhost:3000")';

export function isHost(value: unknown): value is string {
  return typeof value === "string" && HOST.test(value);
}
