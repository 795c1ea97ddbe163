/** A bar chart of how much of the yardstick's work each system does with the same CPU time, as SVG: readable on light and dark pages, without a script. */

const LABEL_WIDTH = 270;
const BAR_WIDTH = 420;
const ROW_HEIGHT = 22;
const OURS = "#2a7de1";
const OTHERS = "#9aa4b2";

export function chart({ title, yardstick, cases }, name) {
  const { rows } = cases.find((each) => each.case === name);
  const sorted = rows.toSorted((a, b) => b.ratio - a.ratio);
  const longest = Math.max(1, sorted[0].ratio);
  const height = (sorted.length + 2) * ROW_HEIGHT;
  const width = LABEL_WIDTH + BAR_WIDTH + 60;
  const bars = sorted.map(({ system, ratio }, index) => {
    const y = (index + 2) * ROW_HEIGHT - 6;
    const length = ((ratio / longest) * BAR_WIDTH).toFixed(1);
    const colour = system.startsWith("diskcache") ? OURS : OTHERS;
    return [
      `<text x="${LABEL_WIDTH - 8}" y="${y}" text-anchor="end">${escaped(system)}</text>`,
      `<rect x="${LABEL_WIDTH}" y="${y - 12}" width="${length}" height="15" rx="2" fill="${colour}"/>`,
      `<text x="${LABEL_WIDTH + Number(length) + 6}" y="${y}">${ratio.toFixed(2)}</text>`,
    ].join("");
  });
  const heading = `${title}, ${name}: requests for the same CPU time, ${yardstick} = 1`;
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img">
<title>${escaped(heading)}</title>
<style>text{font:13px system-ui,sans-serif;fill:#24292f}@media(prefers-color-scheme:dark){text{fill:#d0d7de}}</style>
<text x="8" y="16" font-weight="600">${escaped(heading)}</text>
${bars.join("\n")}
</svg>
`;
}

function escaped(text) {
  return text.replace(/[&<>"]/g, (character) => `&#${character.charCodeAt(0)};`);
}
