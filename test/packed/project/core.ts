import { DiskCacheError, PageCache } from "@diskcache/core";
import type { DiskCacheErrorCode, DiskCacheOptions } from "@diskcache/core";

const options: DiskCacheOptions = { dir: "pages-core", ttl: 300, maxSize: "10mb" };
const cache = new PageCache(options);
await cache.purge("/reports/7");
await cache.close();

const code: DiskCacheErrorCode = "ERR_DISKCACHE_CLOSED";
const refusal: unknown = await cache.purge("/reports/7").catch((error: unknown) => error);
if (!(refusal instanceof DiskCacheError && refusal.code === code)) throw new Error("a closed cache took a purge");
