/** The cache where an application injects it. */
import type { ExpressDiskCache } from "@diskcache/express";
import type { OnApplicationShutdown } from "@nestjs/common";

/**
 * Purges, figures and everything else of the cache. Closed with the application: by `app.close()`, and by signals after
 * `app.enableShutdownHooks()`.
 * @example
 * ```ts
 * constructor(private readonly pages: DiskCacheService) {}
 * await this.pages.purgeTag("reports");
 * ```
 */
export class DiskCacheService implements OnApplicationShutdown {
  /** The middleware and handle of @diskcache/express, with `warm()`, `refresh()`, `explain()`, `on()` and the rest. */
  readonly cache: ExpressDiskCache;
  /** See {@link ExpressDiskCache}. */
  readonly purge: ExpressDiskCache["purge"];
  readonly purgeTag: ExpressDiskCache["purgeTag"];
  readonly clear: ExpressDiskCache["clear"];
  readonly stats: ExpressDiskCache["stats"];

  constructor(cache: ExpressDiskCache) {
    this.cache = cache;
    this.purge = cache.purge;
    this.purgeTag = cache.purgeTag;
    this.clear = cache.clear;
    this.stats = cache.stats;
  }

  async onApplicationShutdown(): Promise<void> {
    await this.cache.close();
  }
}
