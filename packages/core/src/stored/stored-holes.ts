/** Where a stored page has holes: how its markers begin, and what they are called. */

export interface StoredHoles {
  /** 32 hex digits, drawn at random for this one response: nobody outside has ever seen them. */
  readonly token: string;
  /** The nth marker is for the nth name. */
  readonly names: readonly string[];
}

/* In the line of the kind, after it:
 *   r 0123456789abcdef0123456789abcdef csrf nonce     */

export function encodeHoles(holes: StoredHoles | undefined): string {
  return holes === undefined ? "" : ` ${holes.token} ${holes.names.join(" ")}`;
}

/** @throws {Error} when the line is not one that `encodeHoles` wrote */
export function decodeHoles(line: string): StoredHoles | undefined {
  const [, token, ...names] = line.split(" ");
  if (token === undefined) return undefined;
  if (!/^[0-9a-f]{32}$/.test(token) || names.length === 0) throw new Error("not the holes of a page");
  return { token, names };
}
