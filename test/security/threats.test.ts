/** SECURITY.md: every link in it leads somewhere, and every threat in its first table to a test. */
import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, it } from "vitest";

const FILE = fileURLToPath(new URL("../../SECURITY.md", import.meta.url));
const TEXT = readFileSync(FILE, "utf8");

it("links to what is there", () => {
  const links = [...TEXT.matchAll(/\]\((?!https:|#)(?<path>[^)#]+)/g)].map((match) => match.groups!["path"]!);
  expect(links.length).toBeGreaterThan(20);
  expect(links.filter((path) => !existsSync(join(dirname(FILE), path)))).toEqual([]);
});

it("names a test for every threat that comes with a request", () => {
  const table = TEXT.slice(TEXT.indexOf("## Requests"), TEXT.indexOf("## Files"));
  const rows = table.split("\n").filter((line) => line.startsWith("| ") && !/^\| (?:threat|---)/.test(line));
  expect(rows.length).toBeGreaterThan(15);
  expect(rows.filter((row) => !row.endsWith(".test.ts) |"))).toEqual([]);
});
