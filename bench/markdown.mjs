/** Results as Markdown tables: one a case, its columns what its rows hold. */

/** What a column is called, and what it means. */
const COLUMNS = {
  system: ["", String],
  ratio: ["CPU, × yardstick", (value) => value.toFixed(2)],
  perSecondRatio: ["requests/s, × yardstick", (value) => value.toFixed(2)],
  cpuMicros: ["CPU a request, µs", (value) => value.toFixed(1)],
  helpersCpuMicros: ["and of helpers, µs", (value) => (value === 0 ? "" : value.toFixed(1))],
  perSecond: ["requests/s", (value) => value.toLocaleString("en")],
  p50Ms: ["p50, ms", (value) => value.toFixed(2)],
  p99Ms: ["p99, ms", (value) => value.toFixed(2)],
  p99Ratio: ["p99, × yardstick", (value) => value.toFixed(2)],
  residentMiB: ["memory, MiB", String],
  bodyBytes: ["bytes sent", (value) => value.toLocaleString("en")],
  callsShare: ["handler calls a request", (value) => (value === 0 ? "" : String(value))],
  firstByteMicros: ["first byte, µs", (value) => value.toFixed(0)],
  ms: ["ms", (value) => value.toFixed(0)],
  msRatio: ["× yardstick", (value) => value.toFixed(2)],
  cpuMs: ["CPU, ms", (value) => value.toFixed(0)],
  eightMs: ["eight at once, ms", (value) => value.toFixed(0)],
  eightCpuMs: ["CPU, ms", (value) => value.toFixed(0)],
  eightMoreMiB: ["more memory, MiB", (value) => value.toFixed(0)],
  untilListeningMs: ["until it listens, ms", (value) => value.toFixed(0)],
  firstAnswerMs: ["then to the first byte of an answer, ms", (value) => value.toFixed(1)],
  startToFirstByteMs: ["both, ms", (value) => value.toFixed(0)],
};

export function markdown({ title, cases }) {
  return `### ${title}\n\n${cases.map(table).join("\n")}`;
}

function table({ case: name, rows }) {
  const columns = Object.keys(COLUMNS).filter((column) => column in rows[0]);
  const lines = [
    columns.map((column) => (column === "system" ? name : COLUMNS[column][0])),
    columns.map((column) => (column === "system" ? "---" : "--:")),
    ...rows.map((row) => columns.map((column) => COLUMNS[column][1](row[column]))),
  ];
  return `${lines.map((cells) => `| ${cells.join(" | ")} |`).join("\n")}\n${failures(rows)}`;
}

// Figures of requests that failed are none.
function failures(rows) {
  return rows
    .filter(({ failed }) => failed > 0)
    .map(({ system, failed }) => `\n**${system}: ${failed} requests failed.**\n`)
    .join("");
}
