import { diskCache } from "@diskcache/express";

export const cache = diskCache({ dir: process.env["CACHE_DIR"] ?? ".cache/pages" });
