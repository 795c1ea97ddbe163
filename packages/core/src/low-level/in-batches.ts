/** Many of one kind of work, a bounded number at a time. */

const TOGETHER = 64;

/** The results, in the order of the items. Rejects with the first failure; what has begun goes on. */
export async function inBatches<Item, Result>(
  items: readonly Item[],
  work: (item: Item) => Promise<Result>,
): Promise<readonly Result[]> {
  const results: Result[] = [];
  for (let at = 0; at < items.length; at += TOGETHER) {
    results.push(...(await Promise.all(items.slice(at, at + TOGETHER).map(work))));
  }
  return results;
}
