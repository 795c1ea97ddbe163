import { diskCache } from "@diskcache/koa";

export const cache = diskCache({ dir: process.env["CACHE_DIR"] ?? ".cache/pages" });
