import { DiskCacheError, PageCache } from "@diskcache/core";
import type { DiskCacheErrorCode, DiskCacheOptions, OpenStore } from "@diskcache/core";
import { storeCases } from "@diskcache/core/store-suite";
import type { StoreCase } from "@diskcache/core/store-suite";

const options: DiskCacheOptions = { dir: "pages-core", ttl: 300, maxSize: "10mb" };
const cache = new PageCache(options);
await cache.purge("/reports/7");
await cache.close();

const code: DiskCacheErrorCode = "ERR_DISKCACHE_CLOSED";
const refusal: unknown = await cache.purge("/reports/7").catch((error: unknown) => error);
if (!(refusal instanceof DiskCacheError && refusal.code === code)) throw new Error("a closed cache took a purge");

const noStore: OpenStore = () => {
  throw new Error("nothing to open");
};
const [first]: readonly StoreCase[] = storeCases(() => noStore);
const outcome = await first?.run().catch((error: unknown) => (error as Error).message);
if (outcome !== "nothing to open") throw new Error("the cases for stores did not open the store that they were given");
