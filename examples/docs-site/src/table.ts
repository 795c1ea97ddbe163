/** The tour as a table for the terminal. */
import type { Stop } from "./tour.js";

const COLUMNS = ["page", "bytes", "rendered in", "from cache in", "times faster"];

export function tourTable(stops: readonly Stop[]): string {
  return aligned([COLUMNS, ...stops.map(row)]);
}

function row({ path, bytes, renderedMs, cachedMs }: Stop): string[] {
  const kept = renderedMs === undefined;
  return [
    path,
    bytes.toLocaleString("en"),
    kept ? "hit (kept)" : `${renderedMs.toFixed(1)} ms`,
    `${cachedMs.toFixed(2)} ms`,
    kept ? "–" : Math.round(renderedMs / cachedMs).toLocaleString("en"),
  ];
}

/** The first column to the left, as it is text; the others to the right, as they are numbers. */
function aligned(rows: readonly (readonly string[])[]): string {
  const widths = COLUMNS.map((_, column) => Math.max(...rows.map((cells) => cells[column]?.length ?? 0)));
  return rows
    .map((cells) =>
      cells.map((cell, i) => (i === 0 ? cell.padEnd(widths[i] ?? 0) : cell.padStart(widths[i] ?? 0))).join("   "),
    )
    .join("\n");
}
