/** The articles, in a JSON file. */
import { readFile, writeFile } from "node:fs/promises";

export interface Article {
  readonly id: number;
  readonly title: string;
  readonly text: string;
}

const FILE = "articles.json";

const FIRST: readonly Article[] = [
  { id: 1, title: "Files", text: "One page, one file." },
  { id: 2, title: "Tags", text: "One tag, many pages." },
];

export async function allArticles(): Promise<readonly Article[]> {
  try {
    return JSON.parse(await readFile(FILE, "utf8")) as Article[];
  } catch {
    return FIRST;
  }
}

export async function articleById(id: number): Promise<Article | undefined> {
  return (await allArticles()).find((article) => article.id === id);
}

export async function saveArticle(article: Article): Promise<void> {
  const others = (await allArticles()).filter(({ id }) => id !== article.id);
  await writeFile(FILE, JSON.stringify([...others, article].sort((a, b) => a.id - b.id)));
}
