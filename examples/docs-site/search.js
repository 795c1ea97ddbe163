/** The search of the documentation as files: every section that has all the words, those in headings first. */
"use strict";

const MOST = 20;
const EXCERPT_CHARACTERS = 90;
const input = document.getElementById("search");
const results = document.getElementById("results");
const columns = document.querySelector(".columns");
const root = document.body.dataset.root;

function scoreOf({ page, heading, text }, words) {
  let score = 0;
  for (const word of words) {
    if (heading.toLowerCase().includes(word)) score += 8;
    else if (page.toLowerCase().includes(word)) score += 4;
    else if (text.toLowerCase().includes(word)) score += 1;
    else return 0;
  }
  return score;
}

function excerptOf(text, words) {
  const places = words.map((word) => text.toLowerCase().indexOf(word)).filter((at) => at >= 0);
  const start = Math.max(0, Math.min(...(places.length > 0 ? places : [0])) - EXCERPT_CHARACTERS);
  const piece = text.slice(start, start + 3 * EXCERPT_CHARACTERS);
  return `${start > 0 ? "…" : ""}${piece}${start + piece.length < text.length ? "…" : ""}`;
}

// As text, never as markup: what is found is put between <mark> node by node.
function marked(text, words) {
  const parts = document.createDocumentFragment();
  const pattern = new RegExp(`(${words.map((word) => word.replace(/[.*+?^${}()|[\]\\]/g, "\\$&")).join("|")})`, "gi");
  for (const [index, part] of text.split(pattern).entries()) {
    if (index % 2 === 0) parts.append(part);
    else parts.append(Object.assign(document.createElement("mark"), { textContent: part }));
  }
  return parts;
}

function itemOf({ page, file, heading, text }, words) {
  const link = Object.assign(document.createElement("a"), { href: `${root}/${file}` });
  link.append(marked(heading === "" ? page : `${page}: ${heading}`, words));
  const excerpt = document.createElement("p");
  excerpt.append(marked(excerptOf(text, words), words));
  const item = document.createElement("li");
  item.append(link, excerpt);
  return item;
}

function search() {
  const words = input.value.toLowerCase().split(/\s+/).filter(Boolean);
  results.hidden = words.length === 0;
  columns.hidden = words.length > 0;
  if (words.length === 0) return;
  const found = window.searchIndex
    .map((section) => ({ section, score: scoreOf(section, words) }))
    .filter(({ score }) => score > 0)
    .sort((one, other) => other.score - one.score);
  const heading = document.createElement("h1");
  heading.textContent = found.length === 0 ? `Nothing has “${input.value.trim()}”` : `“${input.value.trim()}”`;
  const list = Object.assign(document.createElement("ul"), { className: "found" });
  list.append(...found.slice(0, MOST).map(({ section }) => itemOf(section, words)));
  results.replaceChildren(heading, list);
}

input.addEventListener("input", search);
input.form.addEventListener("submit", (event) => {
  event.preventDefault();
  results.querySelector("a")?.click();
});
// A link to a section of this page shows the page again.
results.addEventListener("click", (event) => {
  if (event.target.closest("a") === null) return;
  input.value = "";
  search();
});
// `?q=words`: a search that can be linked to.
input.value = new URLSearchParams(location.search).get("q") ?? "";
search();
document.addEventListener("keydown", (event) => {
  if (event.key !== "/" || event.target instanceof HTMLInputElement) return;
  event.preventDefault();
  input.focus();
});
