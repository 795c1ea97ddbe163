/** A site of one page after another behind a cache, and what its cache tells, for tests of what happens to its directory. */
import { createServer } from "node:http";
import { onTestFinished } from "vitest";
import type { DiskCacheError } from "@diskcache/core";
import { diskCache } from "@diskcache/http";
import { listening } from "../support/listening.js";
import { visit } from "../support/visit.js";

type Options = Parameters<typeof diskCache>[0];

export async function pageSite(options: Options) {
  const errors: DiskCacheError[] = [];
  const cache = diskCache({ ttl: "1h", ...options });
  cache.on("error", (error) => errors.push(error));
  onTestFinished(() => cache.close());
  const origin = await listening(createServer(cache((req, res) => void res.end(`the page ${req.url}`))));
  return {
    cache,
    errors,
    /** What the cache says of it; its body is checked. */
    async ask(path: string): Promise<string> {
      // Pages of one host, also where another site takes over the directory.
      const answer = await visit(origin, path, { headers: { Host: "www.example.com" } });
      if (answer.text !== `the page ${path}`) throw new Error(`got ${answer.text} for ${path}`);
      return answer.cacheStatus;
    },
  };
}
