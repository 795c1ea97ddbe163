/** Flat name-value lists as `setHeader` takes them: one call a name, repeats as an array in their order. */
import { validateHeaderName, validateHeaderValue } from "node:http";
import type { ServerResponse } from "node:http";
import type { RawHeaders } from "@diskcache/core";
import { namesSetOn } from "./response-class.js";

export interface HeaderGroup {
  readonly name: string;
  readonly values: string[];
}

/** Field lines by lower-case name, in order of first appearance. */
export function headerGroups(raw: RawHeaders): Map<string, HeaderGroup> {
  const groups = new Map<string, HeaderGroup>();
  for (let index = 0; index < raw.length; index += 2) {
    const name = raw[index]!;
    const group = groups.get(name.toLowerCase());
    if (group === undefined) groups.set(name.toLowerCase(), { name, values: [raw[index + 1]!] });
    else group.values.push(raw[index + 1]!);
  }
  return groups;
}

export function setHeaderGroup(res: ServerResponse, { name, values }: HeaderGroup): void {
  res.setHeader(name, values.length === 1 ? values[0]! : values);
}

/** Sets every line, those of one name together. */
export function setHeaderLines(res: ServerResponse, raw: RawHeaders): void {
  for (const group of headerGroups(raw).values()) setHeaderGroup(res, group);
}

export function isSetCookie(name: string): boolean {
  return name.toLowerCase() === "set-cookie";
}

/** The fields set on a response so far, flat, with the names as they were given. */
export function headersSetOn(res: ServerResponse): string[] {
  const raw: string[] = [];
  for (const name of namesSetOn(res)) {
    const value = res.getHeader(name);
    for (const line of Array.isArray(value) ? value : [value]) raw.push(name, String(line));
  }
  return raw;
}

/** The lines with some set and others, lower-case or not, removed. */
export function changedLines(
  raw: RawHeaders,
  set: readonly (readonly [name: string, value: string])[],
  remove: readonly string[],
): string[] {
  const gone = new Set(remove.map((name) => name.toLowerCase()));
  for (const [name] of set) gone.add(name.toLowerCase());
  const lines: string[] = [];
  for (let index = 0; index < raw.length; index += 2)
    if (!gone.has(raw[index]!.toLowerCase())) lines.push(raw[index]!, raw[index + 1]!);
  for (const [name, value] of set) lines.push(name, value);
  return lines;
}

/** @throws Node's own error for a name or a value that cannot be sent, as `setHeader` does */
export function assertSendable(raw: RawHeaders): void {
  for (let index = 0; index < raw.length; index += 2) {
    validateHeaderName(raw[index]!);
    validateHeaderValue(raw[index]!, raw[index + 1]!);
  }
}

/** The arguments of `writeHead`: a status, perhaps a reason phrase, perhaps fields. */
export function headGiven(given: readonly unknown[]): { reason: string | undefined; fields: string[] } {
  const reason = typeof given[0] === "string" ? given[0] : undefined;
  return { reason, fields: headersGiven(reason === undefined ? (given[1] ?? given[0]) : given[1]) };
}

/** What was given to `writeHead`: an object, a flat array, or an array of pairs. */
export function headersGiven(given: unknown): string[] {
  if (typeof given !== "object" || given === null) return [];
  const entries = !Array.isArray(given)
    ? Object.entries(given)
    : Array.isArray(given[0])
      ? (given as unknown[][])
      : pairs(given);
  const raw: string[] = [];
  for (const [name, value] of entries) {
    for (const line of Array.isArray(value) ? value : [value])
      if (line !== undefined) raw.push(String(name), String(line));
  }
  return raw;
}

function pairs(flat: readonly unknown[]): unknown[][] {
  return Array.from({ length: Math.floor(flat.length / 2) }, (_, index) => [flat[index * 2], flat[index * 2 + 1]]);
}
